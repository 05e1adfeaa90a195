/* SPDX-License-Identifier: MIT */
/* Q6_K: d s (q - 32); q of 6 bits, s of 8 bits for 16 elements. */
#ifndef QUANT_Q6_K_H
#define QUANT_Q6_K_H

#include "quant/super.h"

static inline void q6_k_pack(const uint8_t *codes, struct q6_k *to)
{
	for (int i = 0; i < 64; i++) {
		const uint8_t *q = codes + i / 32 * 128 + i % 32;
		int l = i / 32 * 64 + i % 32;

		to->ql[l] = (uint8_t)((q[0] & 15) | q[64] << 4);
		to->ql[l + 32] = (uint8_t)((q[32] & 15) | q[96] << 4);
		to->qh[i] = (uint8_t)(q[0] >> 4 | q[32] >> 4 << 2 | q[64] >> 4 << 4 |
				      q[96] >> 4 << 6);
	}
}

static void q6_k_encode(const struct quant_rows *r, void *out)
{
	struct q6_k *to = out;

	for (int64_t at = 0; at < super_count(r); at++, to++) {
		const float *from = r->x + at * BLOCK_SUPER;
		vec x[16], w[16], scale, d;
		ivec q[16];
		uint8_t codes[BLOCK_SUPER];
		float most, inverse;

		lanes_load(from, 16, 0, LANES, x);
		if (r->weights)
			lanes_load(r->weights + at * BLOCK_SUPER % r->row, 16, 0, LANES, w);
		else
			for (int i = 0; i < 16; i++)
				w[i] = x[i] * x[i];
		scale = fit_symmetric(x, w, 16, 32, q);
		most = largest_scale(&scale);
		if (__builtin_fabsf(most) < GROUP_ZERO) {
			memset(to, 0, sizeof(*to));
			continue;
		}
		inverse = -128 / most;
		to->d = f32_to_f16(1 / inverse);
		for (int l = 0; l < LANES; l++) {
			int s = nearest_one(inverse * scale[l]);

			to->scales[l] = (int8_t)(s > 127 ? 127 : s);
			d[l] = f16_to_f32(to->d) * (float)to->scales[l];
		}
		symmetric_codes(x, 16, 32, d, q, codes);
		q6_k_pack(codes, to);
	}
}

#endif
