/* SPDX-License-Identifier: MIT */
/* Q5_0: (q - 16) d, q of 5 bits. */
#ifndef QUANT_Q5_0_H
#define QUANT_Q5_0_H

#include "quant/small.h"

static void q5_0_encode(const struct quant_rows *r, void *out)
{
	struct q5_0 *to = out;
	struct small_blocks s;

	for (small_begin(&s, r); small_next(&s);) {
		vec d = small_symmetric(&s, 16);

		for (int l = 0; l < s.nr; l++, to++) {
			to->d = f32_to_f16(d[l]);
			small_pack_nibbles(s.codes + l * BLOCK_SMALL, to->qs);
			small_pack_fifth(s.codes + l * BLOCK_SMALL, to->qh);
		}
	}
}

#endif
