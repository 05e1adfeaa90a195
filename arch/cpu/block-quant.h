/* SPDX-License-Identifier: MIT */
/* Floats to the integers of a block with AVX-512: act_round_row()'s and finer ones. */
#ifndef ARCH_CPU_BLOCK_QUANT_H
#define ARCH_CPU_BLOCK_QUANT_H

#include "arch/cpu/block-act.h"
#include "arch/cpu/block-unpack.h"
#include "arch/cpu/vmath.h"

/**
 * struct quant - an integer is x * @inverse, rounded; it stands for itself times @scale, which
 * is NaN if a number of the block is not finite.
 */
struct quant {
	float inverse, scale;
};

SIMD_INLINE SIMD_VNNI __m512i quantize_16(const struct quant *q, const float *x)
{
	return _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x), _mm512_set1_ps(q->inverse)));
}

/* The largest magnitude of @n; *@bad becomes 0, or NaN if one is not finite. */
SIMD_INLINE SIMD_VNNI float quant_most(const float *x, int n, float *bad)
{
	__m512 most = _mm512_setzero_ps(), zero = _mm512_setzero_ps();

	for (int i = 0; i < n; i += 16) {
		__m512 v = _mm512_loadu_ps(x + i);

		most = _mm512_max_ps(most, _mm512_abs_ps(v));
		zero = _mm512_fmadd_ps(v, _mm512_setzero_ps(), zero);
	}
	*bad = _mm512_reduce_add_ps(zero);
	return _mm512_reduce_max_ps(most);
}

/* ACT_Q8_0 and ACT_Q8_1 */
SIMD_INLINE SIMD_VNNI struct quant quant_small(const float *x)
{
	float bad, most = quant_most(x, 32, &bad);
	uint16_t half = _cvtss_sh(most / 127, _MM_FROUND_TO_NEAREST_INT);

	return (struct quant){ most != 0 ? 127 / most : 0, _cvtsh_ss(half) + bad };
}

/* ACT_Q8_K: the first number of the largest magnitude decides the sign. */
SIMD_INLINE SIMD_VNNI struct quant quant_super(const float *x)
{
	float bad, most = quant_most(x, 256, &bad), inverse;

	if (!(most > 0))
		return (struct quant){ 0, bad };
	for (int i = 0; i < 256; i += 16) {
		__mmask16 at = _mm512_cmpeq_ps_mask(_mm512_abs_ps(_mm512_loadu_ps(x + i)),
						    _mm512_set1_ps(most));

		if (!at)
			continue;
		most = x[i + __builtin_ctz(at)];
		break;
	}
	inverse = -127 / most;
	return (struct quant){ inverse, 1 / inverse + bad };
}

/* To the multiple of a power of two of which no more than ACT_MOST are needed. */
SIMD_INLINE SIMD_VNNI struct quant quant_fixed(const float *x, int n)
{
	float bad;
	uint32_t most = vm_bits(quant_most(x, n, &bad)), e = most >> 23;

	/* 127 * 2^16 is 1.984375 * 2^22. */
	e += (most & 0x7fffff) > 0x7e0000;
	e = e < 24 ? 2 : e - 22;
	return (struct quant){ vm_float((254 - e) << 23), vm_float(e << 23) + bad };
}

#endif
