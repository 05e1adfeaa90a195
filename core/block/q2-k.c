// SPDX-License-Identifier: MIT
/* Q2_K: d s q - dmin m; q of 2 bits, s and m of 4 bits for 16 elements. */
#include "block/block.h"
#include "block/layout.h"

static void q2_k_decode(const void *blocks, float *out, int64_t nr)
{
	const struct q2_k *b = blocks;

	for (; nr > 0; nr -= BLOCK_SUPER, out += BLOCK_SUPER, b++) {
		float d = f16_to_f32(b->d), dmin = f16_to_f32(b->dmin);

		for (int i = 0; i < BLOCK_SUPER; i++) {
			int q = b->qs[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
			uint8_t s = b->scales[i / 16];

			out[i] = d * (float)(s & 15) * (float)q - dmin * (float)(s >> 4);
		}
	}
}

static const struct block_type q2_k = {
	.name = "q2_k",
	.dtype = DT_Q2_K,
	.ggml = 10,
	.act = ACT_Q8_K,
	.nr_halves = 2,
	.halves = { 80, 82 },
	.decode = q2_k_decode,
};
BLOCK_TYPE_REGISTER(q2_k);
