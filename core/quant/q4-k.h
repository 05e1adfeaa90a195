/* SPDX-License-Identifier: MIT */
/* Q4_K: d s q - dmin m; q of 4 bits, s and m of 6 bits for 32 elements. */
#ifndef QUANT_Q4_K_H
#define QUANT_Q4_K_H

#include "quant/super.h"

static void q4_k_encode(const struct quant_rows *r, void *out)
{
	static const struct affine_shape shape = {
		.n = 32, .top = 15, .scale_top = 63, .cap = 63, .cap_weighted = 255,
		.sigma = 2, .plain = { -1, 0.1f, 20, 0 },
	};
	struct q4_k *to = out;
	struct affine_block a;
	uint8_t codes[2 * BLOCK_SUPER];

	for (int64_t at = 0, end = super_count(r); at < end; at += 2, to += 2) {
		int nr = end - at < 2 ? 1 : 2;

		affine_blocks(&shape, r, at, nr, &a);
		for (int b = 0; b < nr; b++)
			affine_pack_scales(to[b].scales, a.scale + 8 * b, a.min + 8 * b);
		affine_codes(&shape, nr, &a, codes);
		for (int b = 0; b < nr; b++) {
			super_pack_nibbles(codes + b * BLOCK_SUPER, to[b].qs);
			to[b].d = a.d[b];
			to[b].dmin = a.dmin[b];
		}
	}
}

#endif
