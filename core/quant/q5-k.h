/* SPDX-License-Identifier: MIT */
/* Q5_K: d s q - dmin m; q of 5 bits, s and m of 6 bits for 32 elements. */
#ifndef QUANT_Q5_K_H
#define QUANT_Q5_K_H

#include "quant/super.h"

static inline void q5_k_pack(const uint8_t *codes, struct q5_k *to)
{
	super_pack_nibbles(codes, to->qs);
	for (int i = 0; i < 32; i++) {
		int bits = 0;

		for (int s = 0; s < 8; s++)
			bits |= codes[32 * s + i] >> 4 << s;
		to->qh[i] = (uint8_t)bits;
	}
}

static void q5_k_encode(const struct quant_rows *r, void *out)
{
	static const struct affine_shape shape = {
		.n = 32, .top = 31, .scale_top = 63, .cap = 63, .cap_weighted = 63,
		.sigma = 2, .plain = { -0.5f, 0.1f, 15, 0 },
	};
	struct q5_k *to = out;
	struct affine_block a;
	uint8_t codes[2 * BLOCK_SUPER];

	for (int64_t at = 0, end = super_count(r); at < end; at += 2, to += 2) {
		int nr = end - at < 2 ? 1 : 2;

		affine_blocks(&shape, r, at, nr, &a);
		for (int b = 0; b < nr; b++)
			affine_pack_scales(to[b].scales, a.scale + 8 * b, a.min + 8 * b);
		affine_codes(&shape, nr, &a, codes);
		for (int b = 0; b < nr; b++) {
			q5_k_pack(codes + b * BLOCK_SUPER, &to[b]);
			to[b].d = a.d[b];
			to[b].dmin = a.dmin[b];
		}
	}
}

#endif
