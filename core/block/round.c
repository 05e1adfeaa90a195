// SPDX-License-Identifier: MIT
/*
 * Activations to 8 bits, as ggml does on x86 (quantize_row_q8_0(), _q8_1(), _q8_K()).
 */
#include <math.h>
#include <string.h>

#include "block/block.h"
#include "block/layout.h"

/* To the nearest integer, ties to even; |x| is at most 127. */
static float nearest(float x)
{
	return x + 0x1.8p23f - 0x1.8p23f;
}

static float small_codes(const float *x, int8_t *codes)
{
	float most = 0, inverse;

	for (int i = 0; i < BLOCK_SMALL; i++)
		most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
	inverse = most != 0 ? 127 / most : 0;
	for (int i = 0; i < BLOCK_SMALL; i++)
		codes[i] = (int8_t)nearest(x[i] * inverse);
	return f16_to_f32(f32_to_f16(most / 127));
}

static float super_codes(const float *x, int8_t *codes)
{
	float most = 0, signed_most = 0, inverse;

	for (int i = 0; i < BLOCK_SUPER; i++)
		if (fabsf(x[i]) > most) {
			most = fabsf(x[i]);
			signed_most = x[i];
		}
	inverse = most != 0 ? -127 / signed_most : 0;
	for (int i = 0; i < BLOCK_SUPER; i++)
		codes[i] = (int8_t)nearest(inverse * x[i]);
	return most != 0 ? 1 / inverse : 0;
}

float act_codes(enum act_block act, const float *x, int8_t *codes)
{
	int n = act == ACT_Q8_K ? BLOCK_SUPER : BLOCK_SMALL;

	/* No integer stands for what is not finite: the scale says so. */
	for (int i = 0; i < n; i++)
		if (!isfinite(x[i])) {
			memset(codes, 1, n);
			return NAN;
		}
	return n == BLOCK_SUPER ? super_codes(x, codes) : small_codes(x, codes);
}

void act_round_row(enum act_block act, const float *x, float *rounded, int64_t nr)
{
	int64_t block = act == ACT_Q8_K ? BLOCK_SUPER : BLOCK_SMALL;
	int8_t codes[BLOCK_SUPER];

	for (; nr > 0; nr -= block, x += block, rounded += block) {
		float scale = act_codes(act, x, codes);

		for (int64_t i = 0; i < block; i++)
			rounded[i] = (float)codes[i] * scale;
	}
}
