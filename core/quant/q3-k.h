/* SPDX-License-Identifier: MIT */
/* Q3_K: d s (q - 4); q of 3 bits, s of 6 bits for 16 elements. */
#ifndef QUANT_Q3_K_H
#define QUANT_Q3_K_H

#include "quant/super.h"

/* Codes of the scales, + 32, and their scale: without importance, and fitted with it. */
static float q3_k_largest(const vec *scale, uint8_t *code)
{
	float most = largest_scale(scale), inverse = -32 / most;

	memset(code, 0, LANES);
	if (most == 0)
		return 0;
	for (int l = 0; l < LANES; l++) {
		int q = (int8_t)nearest_one(inverse * (*scale)[l]);

		code[l] = (uint8_t)((q < -32 ? -32 : q > 31 ? 31 : q) + 32);
	}
	return 1 / inverse;
}

static float q3_k_fitted(const vec *scale, const vec *sw, uint8_t *code)
{
	vec x[LANES] = { { 0 } }, w[LANES] = { { 0 } }, d;
	ivec q[LANES];

	for (int l = 0; l < LANES; l++) {
		x[l][0] = (*scale)[l];
		w[l][0] = (*sw)[l];
	}
	d = fit_symmetric(x, w, LANES, 32, q);
	for (int l = 0; l < LANES; l++)
		code[l] = (uint8_t)q[l][0];
	return d[0];
}

/* Scales of 6 bits to the 12 bytes that q3_k_scales() reads. */
static inline void q3_k_pack_scales(const uint8_t *code, uint8_t s[12])
{
	for (int i = 0; i < 8; i++)
		s[i] = (uint8_t)((code[i] & 15) | code[i + 8] << 4);
	for (int i = 0; i < 4; i++)
		s[i + 8] = (uint8_t)(code[i] >> 4 | code[i + 4] >> 4 << 2 | code[i + 8] >> 4 << 4 |
				     code[i + 12] >> 4 << 6);
}

static inline void q3_k_pack(const uint8_t *codes, struct q3_k *to)
{
	super_pack_pairs(codes, to->qs);
	for (int i = 0; i < 32; i++) {
		int bits = 0;

		for (int s = 0; s < 8; s++)
			bits |= codes[32 * s + i] >> 2 << s;
		to->hmask[i] = (uint8_t)bits;
	}
}

static void q3_k_encode(const struct quant_rows *r, void *out)
{
	struct q3_k *to = out;

	for (int64_t at = 0; at < super_count(r); at++, to++) {
		vec x[16], w[16], scale, sw, d;
		ivec q[16];
		uint8_t codes[BLOCK_SUPER], code[LANES];
		int8_t packed[16];
		float most;

		lanes_load(r->x + at * BLOCK_SUPER, 16, 0, LANES, x);
		if (r->weights) {
			super_weights(r, at, 1, 16, 2, x, w);
			sw = sum_lanes(w, 16);
			scale = fit_symmetric(x, w, 16, 4, q);
			most = q3_k_fitted(&scale, &sw, code);
		} else {
			scale = fit_descent(x, 16, 4, q);
			most = q3_k_largest(&scale, code);
		}
		q3_k_pack_scales(code, to->scales);
		to->d = f32_to_f16(most);
		q3_k_scales(to->scales, packed);
		for (int l = 0; l < LANES; l++)
			d[l] = f16_to_f32(to->d) * (float)packed[l];
		symmetric_codes(x, 16, 4, d, q, codes);
		q3_k_pack(codes, to);
	}
}

#endif
