/* SPDX-License-Identifier: MIT */
/*
 * exp, tanh and sigmoid of floats, written so that the compiler vectorizes loops that
 * call them: no branches, no table, no call.  Put SIMD_CLONES in front of the function
 * with the loop and compile the file with -O3.
 *
 * Errors against double precision (tests/unit/test-vmath.c): at most 2 units in the last
 * place, for the sigmoid 3, denormal results included.  NaN gives NaN.  The polynomials
 * are minimax fits by Remez's algorithm; the rest is the textbook reduction
 * e^x = 2^n e^r with |r| <= ln(2)/2 (Muller, "Elementary Functions", 3rd ed.,
 * section 11.2).
 */
#ifndef ARCH_CPU_VMATH_H
#define ARCH_CPU_VMATH_H

#include <stdint.h>
#include <string.h>

static inline uint32_t vm_bits(float x)
{
	uint32_t u;

	memcpy(&u, &x, sizeof(u));
	return u;
}

static inline float vm_float(uint32_t u)
{
	float x;

	memcpy(&x, &u, sizeof(x));
	return x;
}

/** vm_expf() - e^x; 0 below -104, +Inf above 88.73. */
static inline float vm_expf(float x)
{
	/* Adding 1.5 * 2^23 rounds to an integer, which is then in the low bits. */
	const float shift = 0x1.8p23f;
	float t, n, r, p, y;
	uint32_t i, half;

	x = x > 90.0f ? 90.0f : x;	/* comparisons with NaN are false: it stays */
	x = x < -105.0f ? -105.0f : x;
	t = x * 0x1.715476p0f + shift;
	n = t - shift;
	i = vm_bits(t) - vm_bits(shift);
	r = x - n * 0x1.62e4p-1f;	/* ln 2 in two parts; n times the first is exact */
	r = r - n * 0x1.7f7d1cp-20f;
	p = 1.381446705932651e-3f;
	p = p * r + 8.368780411180533e-3f;
	p = p * r + 4.166839421089387e-2f;
	p = p * r + 1.666652010781959e-1f;
	p = p * r + 4.9999993412501564e-1f;
	y = 1.0f + (r + r * r * p);
	/* 2^i in two steps: i reaches from -151 to 130, outside the normal exponents. */
	half = (uint32_t)((int32_t)i >> 1);
	y = y * vm_float((half + 127) << 23);
	return y * vm_float((i - half + 127) << 23);
}

/** vm_tanhf() - hyperbolic tangent. */
static inline float vm_tanhf(float x)
{
	float a = vm_float(vm_bits(x) & 0x7fffffff);
	float z = x * x, e = vm_expf(2.0f * a), big, p;

	big = 1.0f - 2.0f / (e + 1.0f);
	p = -5.716592604436796e-3f;
	p = p * z + 2.065020119355015e-2f;
	p = p * z - 5.3743386024915796e-2f;
	p = p * z + 1.333149002733158e-1f;
	p = p * z - 3.3333283882270703e-1f;
	p = a + a * z * p;
	p = a < 0.625f ? p : big;
	return vm_float(vm_bits(p) | (vm_bits(x) & 0x80000000));
}

/** vm_sigmoidf() - 1 / (1 + e^-x). */
static inline float vm_sigmoidf(float x)
{
	/* e^-|x| cannot overflow, and the quotient is accurate on both sides. */
	float e = vm_expf(vm_float(vm_bits(x) | 0x80000000));

	return (x < 0 ? e : 1.0f) / (1.0f + e);
}

#endif
