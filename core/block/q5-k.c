// SPDX-License-Identifier: MIT
/* Q5_K: d s q - dmin m; q of 5 bits, s and m of 6 bits for 32 elements. */
#include "block/block.h"
#include "block/layout.h"

static void q5_k_decode(const void *blocks, float *out, int64_t nr)
{
	const struct q5_k *b = blocks;

	for (; nr > 0; nr -= BLOCK_SUPER, out += BLOCK_SUPER, b++) {
		float d = f16_to_f32(b->d), dmin = f16_to_f32(b->dmin);
		uint8_t scale[8], min[8];

		q4_k_scales(b->scales, scale, min);
		for (int i = 0; i < BLOCK_SUPER; i++) {
			int q = b->qs[i / 64 * 32 + i % 32] >> i % 64 / 32 * 4 & 15;
			int high = (b->qh[i % 32] >> i / 32 & 1) << 4;

			out[i] = d * (float)scale[i / 32] * (float)(q | high) -
				 dmin * (float)min[i / 32];
		}
	}
}

static const struct block_type q5_k = {
	.name = "q5_k",
	.dtype = DT_Q5_K,
	.ggml = 13,
	.act = ACT_Q8_K,
	.nr_halves = 2,
	.halves = { 0, 2 },
	.decode = q5_k_decode,
};
BLOCK_TYPE_REGISTER(q5_k);
