/* SPDX-License-Identifier: MIT */
/* Q8_0: q d, q of 8 bits.  Importance changes nothing. */
#ifndef QUANT_Q8_0_H
#define QUANT_Q8_0_H

#include "block/layout.h"
#include "quant/quant.h"

/* Halves away from 0, as roundf(); 0 for what is not finite. */
static inline int8_t q8_0_round(float x)
{
	float finite = __builtin_fabsf(x) < 1e9f ? x : 0, whole;
	int q = (int)finite;

	whole = (float)q;
	return (int8_t)(q + (finite - whole >= 0.5f) - (finite - whole <= -0.5f));
}

static void q8_0_encode(const struct quant_rows *r, void *out)
{
	struct q8_0 *to = out;
	const float *x = r->x;

	for (int64_t nr = r->nr * r->row / BLOCK_SMALL; nr > 0; nr--, to++, x += BLOCK_SMALL) {
		float most = 0, d, inverse;

		for (int i = 0; i < BLOCK_SMALL; i++)
			most = __builtin_fabsf(x[i]) > most ? __builtin_fabsf(x[i]) : most;
		d = most / 127;
		inverse = d != 0 ? 1 / d : 0;
		to->d = f32_to_f16(d);
		for (int i = 0; i < BLOCK_SMALL; i++)
			to->qs[i] = q8_0_round(x[i] * inverse);
	}
}

#endif
