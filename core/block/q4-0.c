// SPDX-License-Identifier: MIT
/* Q4_0: (q - 8) d, q of 4 bits. */
#include "block/block.h"
#include "block/layout.h"

static void q4_0_decode(const void *blocks, float *out, int64_t nr)
{
	const struct q4_0 *b = blocks;

	for (; nr > 0; nr -= BLOCK_SMALL, out += BLOCK_SMALL, b++) {
		float d = f16_to_f32(b->d);

		for (int i = 0; i < 16; i++) {
			out[i] = (float)((b->qs[i] & 15) - 8) * d;
			out[i + 16] = (float)((b->qs[i] >> 4) - 8) * d;
		}
	}
}

static const struct block_type q4_0 = {
	.name = "q4_0",
	.dtype = DT_Q4_0,
	.ggml = 2,
	.act = ACT_Q8_0,
	.nr_halves = 1,
	.halves = { 0 },
	.decode = q4_0_decode,
};
BLOCK_TYPE_REGISTER(q4_0);
