// SPDX-License-Identifier: MIT
/* Q5_1: q d + m, q of 5 bits. */
#include "block/block.h"
#include "block/layout.h"

static void q5_1_decode(const void *blocks, float *out, int64_t nr)
{
	const struct q5_1 *b = blocks;

	for (; nr > 0; nr -= BLOCK_SMALL, out += BLOCK_SMALL, b++) {
		float d = f16_to_f32(b->d), m = f16_to_f32(b->m);

		for (int i = 0; i < 16; i++) {
			int low = (b->qh[i / 8] >> i % 8 & 1) << 4;
			int high = (b->qh[2 + i / 8] >> i % 8 & 1) << 4;

			out[i] = (float)((b->qs[i] & 15) | low) * d + m;
			out[i + 16] = (float)(b->qs[i] >> 4 | high) * d + m;
		}
	}
}

static const struct block_type q5_1 = {
	.name = "q5_1",
	.dtype = DT_Q5_1,
	.ggml = 7,
	.act = ACT_Q8_1,
	.nr_halves = 2,
	.halves = { 0, 2 },
	.decode = q5_1_decode,
};
BLOCK_TYPE_REGISTER(q5_1);
