/* SPDX-License-Identifier: MIT */
/*
 * Sixteen groups of weights at once, one in each lane of a vector.
 *
 * A search adds within a group in the order of its elements; groups do not meet.  So with
 * one group per lane every lane does what plain code for one group would do, operation for
 * operation, and the bits are the same on every processor.  Compiled once for each
 * instruction set: encoders.h.
 */
#ifndef QUANT_LANES_H
#define QUANT_LANES_H

#include <stdint.h>
#include <string.h>

#define LANES 16
#define GROUP_MAX 32	/* elements of a group, at most */
#define GROUP_ZERO 1e-15f	/* a group whose weights are all below it is one of zeros */

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef int32_t ivec __attribute__((vector_size(4 * LANES)));

static inline vec splat(float x)
{
	return x - (vec){ 0 };
}

/* @a where @mask is set (all bits of a lane), else @b. */
static inline vec pick(ivec mask, vec a, vec b)
{
	return (vec)((mask & (ivec)a) | (~mask & (ivec)b));
}

static inline ivec pick_int(ivec mask, ivec a, ivec b)
{
	return (mask & a) | (~mask & b);
}

static inline vec magnitude(vec x)
{
	return (vec)((ivec)x & 0x7fffffff);
}

static inline vec to_float(ivec x)
{
	return __builtin_convertvector(x, vec);
}

static inline vec root(vec x)
{
	vec r;

	for (int l = 0; l < LANES; l++)
		r[l] = __builtin_sqrtf(x[l]);
	return r;
}

static inline int any(ivec mask)
{
	int32_t bits = 0;

	for (int l = 0; l < LANES; l++)
		bits |= mask[l];
	return bits;
}

/*
 * The nearest integer, ties to even, if |x| < 2^22.  Beyond that what ggml's nearest_int()
 * makes of it: codes of groups whose scale overflows or vanishes depend on it.
 */
static inline ivec nearest(vec x)
{
	return ((ivec)(x + 0x1.8p23f) & 0x7fffff) - 0x400000;
}

static inline int32_t nearest_one(float x)
{
	return nearest((vec){ x })[0];
}

static inline ivec clamp(ivec x, int low, int high)
{
	x = pick_int(x < low, low - (ivec){ 0 }, x);
	return pick_int(x > high, high - (ivec){ 0 }, x);
}

/* @nr groups of @n neighbours to lanes from @lane on; the other lanes stay as they are. */
static inline void lanes_load(const float *from, int n, int lane, int nr, vec *x)
{
	for (int l = 0; l < nr; l++)
		for (int i = 0; i < n; i++)
			((float *)x)[i * LANES + lane + l] = from[l * n + i];
}

/* Codes in lanes to bytes, group by group. */
static inline void lanes_bytes(const ivec *codes, int n, int nr, uint8_t *bytes)
{
	for (int l = 0; l < nr; l++)
		for (int i = 0; i < n; i++)
			bytes[l * n + i] = (uint8_t)((const int32_t *)codes)[i * LANES + l];
}

#endif
