/* SPDX-License-Identifier: MIT */
/* Q5_1: q d + m, q of 5 bits. */
#ifndef QUANT_Q5_1_H
#define QUANT_Q5_1_H

#include "quant/small.h"

static void q5_1_encode(const struct quant_rows *r, void *out)
{
	struct q5_1 *to = out;
	struct small_blocks s;

	for (small_begin(&s, r); small_next(&s);) {
		vec m, d = small_affine(&s, 31, 255, &m);

		for (int l = 0; l < s.nr; l++, to++) {
			to->d = f32_to_f16(d[l]);
			to->m = f32_to_f16(m[l]);
			small_pack_nibbles(s.codes + l * BLOCK_SMALL, to->qs);
			small_pack_fifth(s.codes + l * BLOCK_SMALL, to->qh);
		}
	}
}

#endif
