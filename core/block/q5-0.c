// SPDX-License-Identifier: MIT
/* Q5_0: (q - 16) d, q of 5 bits. */
#include "block/block.h"
#include "block/layout.h"

static void q5_0_decode(const void *blocks, float *out, int64_t nr)
{
	const struct q5_0 *b = blocks;

	for (; nr > 0; nr -= BLOCK_SMALL, out += BLOCK_SMALL, b++) {
		float d = f16_to_f32(b->d);

		for (int i = 0; i < 16; i++) {
			int low = (b->qh[i / 8] >> i % 8 & 1) << 4;
			int high = (b->qh[2 + i / 8] >> i % 8 & 1) << 4;

			out[i] = (float)(((b->qs[i] & 15) | low) - 16) * d;
			out[i + 16] = (float)((b->qs[i] >> 4 | high) - 16) * d;
		}
	}
}

static const struct block_type q5_0 = {
	.name = "q5_0",
	.dtype = DT_Q5_0,
	.ggml = 6,
	.act = ACT_Q8_0,
	.nr_halves = 1,
	.halves = { 0 },
	.decode = q5_0_decode,
};
BLOCK_TYPE_REGISTER(q5_0);
