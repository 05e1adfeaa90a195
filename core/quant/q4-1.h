/* SPDX-License-Identifier: MIT */
/* Q4_1: q d + m, q of 4 bits. */
#ifndef QUANT_Q4_1_H
#define QUANT_Q4_1_H

#include "quant/small.h"

static void q4_1_encode(const struct quant_rows *r, void *out)
{
	struct q4_1 *to = out;
	struct small_blocks s;

	for (small_begin(&s, r); small_next(&s);) {
		vec m, d = small_affine(&s, 15, 15, &m);

		for (int l = 0; l < s.nr; l++, to++) {
			to->d = f32_to_f16(d[l]);
			to->m = f32_to_f16(m[l]);
			small_pack_nibbles(s.codes + l * BLOCK_SMALL, to->qs);
		}
	}
}

#endif
