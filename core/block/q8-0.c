// SPDX-License-Identifier: MIT
/* Q8_0: q d, q of 8 bits. */
#include "block/block.h"
#include "block/layout.h"

static void q8_0_decode(const void *blocks, float *out, int64_t nr)
{
	const struct q8_0 *b = blocks;

	for (; nr > 0; nr -= BLOCK_SMALL, out += BLOCK_SMALL, b++) {
		float d = f16_to_f32(b->d);

		for (int i = 0; i < 32; i++)
			out[i] = (float)b->qs[i] * d;
	}
}

static const struct block_type q8_0 = {
	.name = "q8_0",
	.dtype = DT_Q8_0,
	.ggml = 8,
	.act = ACT_Q8_0,
	.nr_halves = 1,
	.halves = { 0 },
	.decode = q8_0_decode,
};
BLOCK_TYPE_REGISTER(q8_0);
