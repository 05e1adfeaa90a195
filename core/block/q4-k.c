// SPDX-License-Identifier: MIT
/* Q4_K: d s q - dmin m; q of 4 bits, s and m of 6 bits for 32 elements. */
#include "block/block.h"
#include "block/layout.h"

static void q4_k_decode(const void *blocks, float *out, int64_t nr)
{
	const struct q4_k *b = blocks;

	for (; nr > 0; nr -= BLOCK_SUPER, out += BLOCK_SUPER, b++) {
		float d = f16_to_f32(b->d), dmin = f16_to_f32(b->dmin);
		uint8_t scale[8], min[8];

		q4_k_scales(b->scales, scale, min);
		for (int i = 0; i < BLOCK_SUPER; i++) {
			int q = b->qs[i / 64 * 32 + i % 32] >> i % 64 / 32 * 4 & 15;

			out[i] = d * (float)scale[i / 32] * (float)q - dmin * (float)min[i / 32];
		}
	}
}

static const struct block_type q4_k = {
	.name = "q4_k",
	.dtype = DT_Q4_K,
	.ggml = 12,
	.act = ACT_Q8_K,
	.nr_halves = 2,
	.halves = { 0, 2 },
	.decode = q4_k_decode,
};
BLOCK_TYPE_REGISTER(q4_k);
