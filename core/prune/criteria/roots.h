/* SPDX-License-Identifier: MIT */
/* Roots that several criteria take; made of exact ones, so that all machines agree. */
#ifndef PRUNE_CRITERIA_ROOTS_H
#define PRUNE_CRITERIA_ROOTS_H

#include <math.h>

#include "tensor/dtype.h"

/** quarter_root() - the fourth root of @x. */
static inline float quarter_root(float x)
{
	return sqrtf(sqrtf(x));
}

/** half_round() - @x as a half holds it. */
static inline float half_round(float x)
{
	return f16_to_f32(f32_to_f16(x));
}

/**
 * half_quarter_root() - rsqrt(rsqrt(half(@v) + 1e-5)), each step rounded to a half, as
 * operators on tensors of halves do.
 */
static inline float half_quarter_root(float v)
{
	float root = half_round(1 / sqrtf(half_round(half_round(v) + 1e-5f)));

	return half_round(1 / sqrtf(root));
}

#endif
