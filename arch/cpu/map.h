/* SPDX-License-Identifier: MIT */
/*
 * Kernels that compute every element by itself.
 *
 * Their functions see floats.  Tensors of another type (bf16, u8) are converted in parts
 * that stay in the first-level cache: memory sees only the narrow ones.
 */
#ifndef ARCH_CPU_MAP_H
#define ARCH_CPU_MAP_H

#include "tensor/op.h"

/**
 * typedef map_fn - compute @n elements.
 * @in, @out: the first of them; inputs of fewer elements than the output are given whole
 *	(they must be f32), absent ones are NULL
 */
typedef void (*map_fn)(const void *attr, const float *const *in, float *const *out, int64_t n);

/** map_run() - call @fn on chunks of a call whose tensors are contiguous. Return: 0. */
int map_run(const struct call *c, map_fn fn);

/** typedef pair_fn - y = f(a, b) for @n elements that are neighbours in all three. */
typedef void (*pair_fn)(const void *arg, const float *a, const float *b, float *y, int64_t n);

/**
 * pairs_run() - output 0 [i] = f(a[i], b[i modulo count of b]).
 * @a, @b: numbers of inputs; -1: @fn does not read a
 * Return: 0.
 */
int pairs_run(const struct call *c, pair_fn fn, const void *arg, int a, int b);

#endif
