// SPDX-License-Identifier: MIT
/*
 * Activations to 8 bits, as ggml does on x86 (quantize_row_q8_0(), _q8_1(), _q8_K()).
 */
#include <math.h>

#include "block/block.h"
#include "block/layout.h"

/* To the nearest integer, ties to even; |x| is far below 2^22. */
static float nearest(float x)
{
	return x + 0x1.8p23f - 0x1.8p23f;
}

static void round_small(const float *x, float *rounded)
{
	float most = 0, scale, inverse;

	for (int i = 0; i < BLOCK_SMALL; i++)
		most = fmaxf(most, fabsf(x[i]));
	scale = f16_to_f32(f32_to_f16(most / 127));
	inverse = most != 0 ? 127 / most : 0;
	for (int i = 0; i < BLOCK_SMALL; i++)
		rounded[i] = nearest(x[i] * inverse) * scale;
}

static void round_super(const float *x, float *rounded)
{
	float most = 0, signed_most = 0, inverse, scale;

	for (int i = 0; i < BLOCK_SUPER; i++)
		if (fabsf(x[i]) > most) {
			most = fabsf(x[i]);
			signed_most = x[i];
		}
	inverse = most != 0 ? -127 / signed_most : 0;
	scale = most != 0 ? 1 / inverse : 0;
	for (int i = 0; i < BLOCK_SUPER; i++)
		rounded[i] = nearest(inverse * x[i]) * scale;
}

void act_round_row(enum act_block act, const float *x, float *rounded, int64_t nr)
{
	int64_t block = act == ACT_Q8_K ? BLOCK_SUPER : BLOCK_SMALL;

	for (int64_t i = 0; i < nr; i += block)
		if (act == ACT_Q8_K)
			round_super(x + i, rounded + i);
		else
			round_small(x + i, rounded + i);
}
