/* SPDX-License-Identifier: MIT */
/* IQ4_NL: value[q] d, q of 4 bits, values that are denser around 0. */
#ifndef QUANT_IQ4_NL_H
#define QUANT_IQ4_NL_H

#include "quant/small.h"

#define IQ4_NL_TRIES 7

/* The nearest value and its code; halfway the larger one. */
static inline vec iq4_nl_nearest(vec x, ivec *code)
{
	vec value = (float)iq4_nl_values[0] - (vec){ 0 };
	ivec q = { 0 };

	for (int i = 0; i < 15; i++) {
		float low = iq4_nl_values[i], high = iq4_nl_values[i + 1];
		ivec above = x >= (low + high) / 2;

		q -= above;
		value = pick(above, high - (vec){ 0 }, value);
	}
	*code = q;
	return value;
}

static inline void iq4_nl_sums(const struct small_blocks *s, vec inverse, vec *wxq, vec *wqq)
{
	vec a = { 0 }, b = { 0 };
	ivec code;

	for (int i = 0; i < BLOCK_SMALL; i++) {
		vec q = iq4_nl_nearest(inverse * s->x[i], &code);

		a += s->w[i] * q * s->x[i];
		b += s->w[i] * q * q;
	}
	*wxq = a;
	*wqq = b;
}

static vec iq4_nl_fit(const struct small_blocks *s)
{
	vec size, most = largest(s->x, BLOCK_SMALL, &size), d, best, wxq, wqq;

	d = -most / (float)iq4_nl_values[0];
	iq4_nl_sums(s, 1 / d, &wxq, &wqq);
	d = pick(wqq > 0, wxq / wqq, (vec){ 0 });
	best = d * wxq;
	for (int step = -IQ4_NL_TRIES; step <= IQ4_NL_TRIES; step++) {
		ivec better;

		iq4_nl_sums(s, (float)(step + iq4_nl_values[0]) / most, &wxq, &wqq);
		better = (wqq > 0) & (wxq * wxq > best * wqq);
		d = pick(better, wxq / wqq, d);
		best = pick(better, d * wxq, best);
	}
	return pick(size < GROUP_ZERO, (vec){ 0 }, d);
}

static void iq4_nl_encode(const struct quant_rows *r, void *out)
{
	struct q4_0 *to = out;
	struct small_blocks s;

	for (small_begin(&s, r); small_next(&s);) {
		vec d, inverse;

		if (r->weights)
			small_weights(&s, 1);
		else
			for (int i = 0; i < BLOCK_SMALL; i++)
				s.w[i] = s.x[i] * s.x[i];
		d = iq4_nl_fit(&s);
		inverse = small_inverse(d);
		for (int i = 0; i < BLOCK_SMALL; i++)
			(void)iq4_nl_nearest(inverse * s.x[i], &s.q[i]);
		lanes_bytes(s.q, BLOCK_SMALL, s.nr, s.codes);
		for (int l = 0; l < s.nr; l++, to++) {
			to->d = f32_to_f16(d[l]);
			small_pack_nibbles(s.codes + l * BLOCK_SMALL, to->qs);
		}
	}
}

#endif
