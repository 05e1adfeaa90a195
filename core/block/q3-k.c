// SPDX-License-Identifier: MIT
/* Q3_K: d s (q - 4); q of 3 bits, s of 6 bits for 16 elements. */
#include "block/block.h"
#include "block/layout.h"

static void q3_k_decode(const void *blocks, float *out, int64_t nr)
{
	const struct q3_k *b = blocks;

	for (; nr > 0; nr -= BLOCK_SUPER, out += BLOCK_SUPER, b++) {
		float d = f16_to_f32(b->d);
		int8_t scale[16];

		q3_k_scales(b->scales, scale);
		for (int i = 0; i < BLOCK_SUPER; i++) {
			int q = b->qs[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
			int high = (b->hmask[i % 32] >> i / 32 & 1) << 2;

			out[i] = d * (float)scale[i / 16] * (float)((q | high) - 4);
		}
	}
}

static const struct block_type q3_k = {
	.name = "q3_k",
	.dtype = DT_Q3_K,
	.ggml = 11,
	.act = ACT_Q8_K,
	.nr_halves = 1,
	.halves = { 108 },
	.decode = q3_k_decode,
};
BLOCK_TYPE_REGISTER(q3_k);
