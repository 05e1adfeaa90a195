// SPDX-License-Identifier: MIT
/* Q6_K: d s (q - 32); q of 6 bits, s of 8 bits for 16 elements. */
#include "block/block.h"
#include "block/layout.h"

static void q6_k_decode(const void *blocks, float *out, int64_t nr)
{
	const struct q6_k *b = blocks;

	for (; nr > 0; nr -= BLOCK_SUPER, out += BLOCK_SUPER, b++) {
		float d = f16_to_f32(b->d);

		for (int i = 0; i < BLOCK_SUPER; i++) {
			int h = i / 128, k = i % 128 / 32, l = i % 32;
			int low = b->ql[64 * h + 32 * (k % 2) + l] >> k / 2 * 4 & 15;
			int high = (b->qh[32 * h + l] >> 2 * k & 3) << 4;

			out[i] = d * (float)b->scales[i / 16] * (float)((low | high) - 32);
		}
	}
}

static const struct block_type q6_k = {
	.name = "q6_k",
	.dtype = DT_Q6_K,
	.ggml = 14,
	.act = ACT_Q8_K,
	.nr_halves = 1,
	.halves = { 208 },
	.decode = q6_k_decode,
};
BLOCK_TYPE_REGISTER(q6_k);
