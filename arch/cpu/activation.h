/* SPDX-License-Identifier: MIT */
/*
 * Activations and their slopes, for loops that the compiler vectorizes.
 *
 * Both GELU by tanh and SiLU are x times a sigmoid; this form keeps its relative accuracy
 * where 1 + tanh() would cancel.
 */
#ifndef ARCH_CPU_ACTIVATION_H
#define ARCH_CPU_ACTIVATION_H

#include "arch/cpu/loops.h"
#include "arch/cpu/vmath.h"
#include "ops/activation.h"

/*
 * e^x for x <= 0: vm_expf() without what only large arguments need.  Below -87, where the
 * exponent would leave the normal ones, it stays at e^-87, about 1e-38.
 */
SIMD_INLINE float act_exp(float x)
{
	const float shift = 0x1.8p23f;	/* adding it rounds to an integer, in the low bits */
	float t, n, r, p;

	x = x < -87.0f ? -87.0f : x;
	t = x * 0x1.715476p0f + shift;
	n = t - shift;
	r = x - n * 0x1.62e4p-1f;	/* ln 2 in two parts */
	r = r - n * 0x1.7f7d1cp-20f;
	p = 1.381446705932651e-3f;
	p = p * r + 8.368780411180533e-3f;
	p = p * r + 4.166839421089387e-2f;
	p = p * r + 1.666652010781959e-1f;
	p = p * r + 4.9999993412501564e-1f;
	return (1.0f + (r + r * r * p)) * vm_float((vm_bits(t) - vm_bits(shift) + 127) << 23);
}

/* @x without its sign, for vectors. */
SIMD_INLINE float act_abs(float x)
{
	return vm_float(vm_bits(x) & 0x7fffffff);
}

/* s = sigmoid(t); *@slope = s (1 - s) = sigmoid'(t), without cancellation. */
SIMD_INLINE float act_sigmoid(float t, float *slope)
{
	float e = act_exp(-act_abs(t)), big = 1 / (1 + e), small = e * big;

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

/* The square, up to where the sigmoid of GELU is 0 or 1. */
SIMD_INLINE float act_gelu_square(float x)
{
	float square = x * x;

	return square > 400 ? 400 : square;
}

/* 0.5 (1 + tanh(u)) = sigmoid(2 u) with u = sqrt(2/pi) (x + 0.044715 x^3) */
SIMD_INLINE float act_gelu(float x)
{
	float square = act_gelu_square(x), slope;

	return x * act_sigmoid(x * (1.595769122f + 0.0713548163f * square), &slope);
}

SIMD_INLINE float act_gelu_slope(float x)
{
	float square = act_gelu_square(x), slope;
	float s = act_sigmoid(x * (1.595769122f + 0.0713548163f * square), &slope);

	return s + x * slope * (1.595769122f + 0.2140644489f * square);
}

/*
 * Phi(x), the normal distribution function, and *@density, phi(x), both with few units in
 * the last place of relative error, down to where they are about 1e-38.
 *
 * Phi(-a) = e^(-a^2/2) q(t) for a > 0 with t = 1 / (1 + 0.425 a); q is a minimax fit of
 * erfcx(a / sqrt(2)) / 2 on [0, 14.6].  The square is taken of the leading bits of a,
 * where it is exact; what is left of it, b, is small: e^b = 1 + b + b^2/2 + b^3/6.
 */
SIMD_INLINE float act_normal(float x, float *density)
{
	float a = act_abs(x), high, b, e, t, q;

	a = a > 13 ? 13 : a;
	high = vm_float(vm_bits(a) & 0xfffff000);
	b = -0.5f * ((a - high) * (a + high));
	e = act_exp(-0.5f * (high * high));
	e = e + e * (b * (1 + b * (0.5f + b * 0.16666667f)));
	t = 1 / (1 + 0.425f * a);
	q = 2.237867980e-02f;
	q = q * t - 1.006939175e-01f;
	q = q * t + 1.401399710e-01f;
	q = q * t + 2.615083940e-02f;
	q = q * t - 2.288575945e-01f;
	q = q * t + 1.210697450e-01f;
	q = q * t + 3.274754495e-02f;
	q = q * t + 1.493054505e-01f;
	q = q * t + 1.681001430e-01f;
	q = q * t + 1.696628455e-01f;
	q = q * t - 3.697062540e-06f;
	*density = e * 0.3989422804f;
	return x < 0 ? e * q : 1 - e * q;
}

SIMD_INLINE float act_gelu_exact(float x)
{
	float density;

	return x * act_normal(x, &density);
}

SIMD_INLINE float act_gelu_exact_slope(float x)
{
	float density, phi = act_normal(x, &density);

	return phi + x * density;
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

/* @act, known when compiling, of @x; of those that are not gated. */
SIMD_INLINE float act_value(enum activation act, float x)
{
	switch (act) {
	case ACT_NONE:
		return x;
	case ACT_GELU:
		return act_gelu(x);
	case ACT_GELU_EXACT:
		return act_gelu_exact(x);
	case ACT_SILU:
		return act_silu(x);
	default:	/* ACT_RELU2 */
		return act_relu2(x);
	}
}

/* The slope of @act, known when compiling, at @x. */
SIMD_INLINE float act_slope(enum activation act, float x)
{
	switch (act) {
	case ACT_NONE:
		return 1;
	case ACT_GELU:
		return act_gelu_slope(x);
	case ACT_GELU_EXACT:
		return act_gelu_exact_slope(x);
	case ACT_SILU:
		return act_silu_slope(x);
	default:	/* ACT_RELU2 */
		return act_relu2_slope(x);
	}
}

#endif
