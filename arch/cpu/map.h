/* SPDX-License-Identifier: MIT */
/*
 * Kernels that compute every element by itself.
 */
#ifndef ARCH_CPU_MAP_H
#define ARCH_CPU_MAP_H

#include "tensor/op.h"

/**
 * typedef map_fn - compute @n elements.
 * @in, @out: the first of them; inputs of fewer elements than the output are given whole,
 *	absent ones are NULL
 */
typedef void (*map_fn)(const void *attr, const float *const *in, float *const *out, int64_t n);

/** map_run() - call @fn on chunks of a call whose tensors are contiguous f32. Return: 0. */
int map_run(const struct call *c, map_fn fn);

/** typedef pair_fn - y = f(a, b) for @n elements that are neighbours in all three. */
typedef void (*pair_fn)(const void *arg, const float *a, const float *b, float *y, int64_t n);

/**
 * pairs_run() - y[i] = f(a[i], b[i modulo nb]) for i = 0 ... @n - 1; @nb divides @n.
 * @a: may be NULL, if @fn does not read it
 */
void pairs_run(pair_fn fn, const void *arg, const float *a, const float *b, float *y,
	       int64_t n, int64_t nb);

#endif
