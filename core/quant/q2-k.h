/* SPDX-License-Identifier: MIT */
/* Q2_K: d s q - dmin m; q of 2 bits, s and m of 4 bits for 16 elements. */
#ifndef QUANT_Q2_K_H
#define QUANT_Q2_K_H

#include "quant/super.h"

static void q2_k_encode(const struct quant_rows *r, void *out)
{
	static const struct affine_shape shape = {
		.n = 16, .top = 3, .scale_top = 15, .cap = 255, .cap_weighted = 255,
		.sigma = 1, .plain = { -0.5f, 0.1f, 15, 1 },
	};
	struct q2_k *to = out;
	struct affine_block a;
	uint8_t codes[BLOCK_SUPER];

	for (int64_t at = 0; at < super_count(r); at++, to++) {
		affine_blocks(&shape, r, at, 1, &a);
		for (int i = 0; i < 16; i++) {
			to->scales[i] = (uint8_t)(a.scale[i] | a.min[i] << 4);
			a.scale[i] = to->scales[i] & 15;
			a.min[i] = to->scales[i] >> 4;
		}
		affine_codes(&shape, 1, &a, codes);
		super_pack_pairs(codes, to->qs);
		to->d = a.d[0];
		to->dmin = a.dmin[0];
	}
}

#endif
