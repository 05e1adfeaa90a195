/* SPDX-License-Identifier: MIT */
/*
 * Activations and their slopes, for loops that the compiler vectorizes.
 *
 * Both GELU by tanh and SiLU are x times a sigmoid; this form keeps its relative accuracy
 * where 1 + tanh() would cancel.
 */
#ifndef ARCH_CPU_ACTIVATION_H
#define ARCH_CPU_ACTIVATION_H

#include <math.h>

#include "arch/cpu/loops.h"
#include "arch/cpu/vmath.h"

/* s = sigmoid(t); *@slope = s (1 - s) = sigmoid'(t), without cancellation. */
SIMD_INLINE float act_sigmoid(float t, float *slope)
{
	float e = vm_expf(-fabsf(t)), big = 1 / (1 + e), small = e * big;

	*slope = big * small;
	return t < 0 ? small : big;
}

SIMD_INLINE float act_silu(float x)
{
	float slope;

	return x * act_sigmoid(x, &slope);
}

SIMD_INLINE float act_silu_slope(float x)
{
	float slope, s = act_sigmoid(x, &slope);

	return s + x * slope;
}

/* Beyond this the sigmoid is 0 or 1, and the cube may overflow. */
SIMD_INLINE float act_gelu_clamp(float x)
{
	x = x > 20 ? 20 : x;
	return x < -20 ? -20 : x;
}

/* 0.5 (1 + tanh(u)) = sigmoid(2 u) with u = sqrt(2/pi) (x + 0.044715 x^3) */
SIMD_INLINE float act_gelu(float x)
{
	float c = act_gelu_clamp(x), slope;

	return x * act_sigmoid(1.595769122f * (c + 0.044715f * (c * c * c)), &slope);
}

SIMD_INLINE float act_gelu_slope(float x)
{
	float c = act_gelu_clamp(x), slope;
	float s = act_sigmoid(1.595769122f * (c + 0.044715f * (c * c * c)), &slope);

	return s + c * slope * (1.595769122f * (1 + 0.134145f * (c * c)));
}

/* Calls to erfc() are not vectorized; the exact form is for models that were trained so. */
SIMD_INLINE float act_gelu_exact(float x)
{
	return 0.5f * x * erfcf(-x * (float)M_SQRT1_2);
}

SIMD_INLINE float act_gelu_exact_slope(float x)
{
	return 0.5f * erfcf(-x * (float)M_SQRT1_2) +
	       x * expf(-0.5f * (x * x)) * 0.3989422804f;
}

/* x < 0 ? 0 : x instead of a maximum: NaN stays NaN. */
SIMD_INLINE float act_relu2(float x)
{
	float p = x < 0 ? 0 : x;

	return p * p;
}

SIMD_INLINE float act_relu2_slope(float x)
{
	return 2 * (x < 0 ? 0 : x);
}

#endif
