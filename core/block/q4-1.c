// SPDX-License-Identifier: MIT
/* Q4_1: q d + m, q of 4 bits. */
#include "block/block.h"
#include "block/layout.h"

static void q4_1_decode(const void *blocks, float *out, int64_t nr)
{
	const struct q4_1 *b = blocks;

	for (; nr > 0; nr -= BLOCK_SMALL, out += BLOCK_SMALL, b++) {
		float d = f16_to_f32(b->d), m = f16_to_f32(b->m);

		for (int i = 0; i < 16; i++) {
			out[i] = (float)(b->qs[i] & 15) * d + m;
			out[i + 16] = (float)(b->qs[i] >> 4) * d + m;
		}
	}
}

static const struct block_type q4_1 = {
	.name = "q4_1",
	.dtype = DT_Q4_1,
	.ggml = 3,
	.act = ACT_Q8_1,
	.nr_halves = 2,
	.halves = { 0, 2 },
	.decode = q4_1_decode,
};
BLOCK_TYPE_REGISTER(q4_1);
