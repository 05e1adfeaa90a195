/* SPDX-License-Identifier: MIT */
/*
 * Sums over rows for each column, in an order that depends on the shape only: chunks of
 * rows are added in parallel into scratch, then the chunks are added in order.
 */
#ifndef ARCH_CPU_COLUMNS_H
#define ARCH_CPU_COLUMNS_H

#include "tensor/op.h"

#define COLUMNS_MAX_SUMS 2

/**
 * typedef columns_fn - add rows [@row, @row_end) of columns [@col, @col + @n) to @sum.
 * @sum: for each wanted sum, @n doubles
 */
typedef void (*columns_fn)(const struct call *c, int64_t row, int64_t row_end, int64_t col,
			   int64_t n, double *const *sum);

/** columns_scratch() - bytes of scratch for columns_run() with these maxima. */
size_t columns_scratch(int64_t rows, int64_t cols, int nr_sums);

/** columns_run() - the @nr_sums first outputs (f32, @cols elements) are set. Return: 0. */
int columns_run(const struct call *c, int64_t rows, int64_t cols, int nr_sums, columns_fn fn);

/**
 * columns_join() - add up parts of column sums, in order.
 * @parts: (@nr_sums, @nr_parts, @cols); the first part of each sum is overwritten
 * @out: for each sum, @cols floats
 */
void columns_join(double *parts, long nr_parts, int64_t cols, int nr_sums, float *const *out);

#endif
