// SPDX-License-Identifier: MIT
/*
 * Words of two bf16 for the products of attention.
 */
#include "arch/cpu/attention-simd.h"
#include "arch/cpu/convert.h"
#include "arch/cpu/simd.h"

typedef uint32_t word __attribute__((may_alias));

SIMD_AVX512_BF16 void attention_pack(const float *from, int64_t nr, float *to)
{
	for (int64_t r = 0; r < nr; r += 2, from += 2 * BLOCK, to += BLOCK) {
		word *out = (word *)to;

		for (int c = 0; c < GROUP && r + 1 < nr; c++)
			out[c] = bf16_store(from[c]) | (uint32_t)bf16_store(from[BLOCK + c]) << 16;
		for (int c = 0; c < GROUP && r + 1 == nr; c++)
			out[c] = bf16_store(from[c]);
	}
}

SIMD_AVX512_BF16 void attention_halve(const float *from, int64_t nr, uint16_t *to)
{
	for (int64_t i = 0; i < nr; i++)
		to[i] = bf16_store(from[i]);
}

SIMD_AVX512_BF16 void attention_interleave(const uint16_t *a, const uint16_t *b, int64_t width,
					   float *to)
{
	word *out = (word *)to;

	for (int64_t i = 0; i < width && b; i++)
		out[i] = a[i] | (uint32_t)b[i] << 16;
	for (int64_t i = 0; i < width && !b; i++)
		out[i] = a[i];
}
