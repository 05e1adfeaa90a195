/* SPDX-License-Identifier: MIT */
/* Q4_0: (q - 8) d, q of 4 bits. */
#ifndef QUANT_Q4_0_H
#define QUANT_Q4_0_H

#include "quant/small.h"

static void q4_0_encode(const struct quant_rows *r, void *out)
{
	struct q4_0 *to = out;
	struct small_blocks s;

	for (small_begin(&s, r); small_next(&s);) {
		vec d = small_symmetric(&s, 8);

		for (int l = 0; l < s.nr; l++, to++) {
			to->d = f32_to_f16(d[l]);
			small_pack_nibbles(s.codes + l * BLOCK_SMALL, to->qs);
		}
	}
}

#endif
