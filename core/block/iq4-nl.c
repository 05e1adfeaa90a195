// SPDX-License-Identifier: MIT
/* IQ4_NL: value[q] d, q of 4 bits, values that are denser around 0. */
#include "block/block.h"
#include "block/layout.h"

static void iq4_nl_decode(const void *blocks, float *out, int64_t nr)
{
	const struct q4_0 *b = blocks;

	for (; nr > 0; nr -= BLOCK_SMALL, out += BLOCK_SMALL, b++) {
		float d = f16_to_f32(b->d);

		for (int i = 0; i < 16; i++) {
			out[i] = (float)iq4_nl_values[b->qs[i] & 15] * d;
			out[i + 16] = (float)iq4_nl_values[b->qs[i] >> 4] * d;
		}
	}
}

static const struct block_type iq4_nl = {
	.name = "iq4_nl",
	.dtype = DT_IQ4_NL,
	.ggml = 20,
	.act = ACT_Q8_0,
	.nr_halves = 1,
	.halves = { 0 },
	.decode = iq4_nl_decode,
};
BLOCK_TYPE_REGISTER(iq4_nl);
