/* SPDX-License-Identifier: MIT */
/* What Q4_0 ... Q5_1 and IQ4_NL share: blocks of 32, sixteen at once, across rows. */
#ifndef QUANT_SMALL_H
#define QUANT_SMALL_H

#include "block/layout.h"
#include "quant/fit.h"
#include "quant/quant.h"

/**
 * struct small_blocks - blocks @at ... @at + @nr - 1 of all rows, one per lane.
 * @w: with importance: that times sqrt(s + x^2), s the mean square of the row, or
 *	twice that of the block
 */
struct small_blocks {
	const struct quant_rows *r;
	int64_t at, end;
	int nr;
	vec x[BLOCK_SMALL], w[BLOCK_SMALL];
	ivec q[BLOCK_SMALL];
	uint8_t codes[LANES * BLOCK_SMALL];
	int64_t row;			/* @square is of this row */
	float square;
};

static inline void small_begin(struct small_blocks *s, const struct quant_rows *r)
{
	memset(s, 0, sizeof(*s));
	s->r = r;
	s->end = r->nr * r->row / BLOCK_SMALL;
	s->row = -1;
}

/* The next blocks to lanes; false at the end.  Lanes that are not used hold old weights. */
static inline int small_next(struct small_blocks *s)
{
	s->at += s->nr;
	s->nr = (int)(s->end - s->at < LANES ? s->end - s->at : LANES);
	if (s->nr)
		lanes_load(s->r->x + s->at * BLOCK_SMALL, BLOCK_SMALL, 0, s->nr, s->x);
	return s->nr;
}

static inline float sum_squares(const float *x, int64_t nr)
{
	float sum = 0;

	for (int64_t i = 0; i < nr; i++)
		sum += x[i] * x[i];
	return sum;
}

static float small_row_square(struct small_blocks *s, int64_t row)
{
	const struct quant_rows *r = s->r;

	if (row != s->row)
		s->square = sum_squares(r->x + row * r->row, r->row) / (float)r->row;
	s->row = row;
	return s->square;
}

static void small_weights(struct small_blocks *s, int of_block)
{
	const struct quant_rows *r = s->r;
	vec square = { 0 };

	for (int l = 0; l < s->nr; l++) {
		int64_t at = (s->at + l) * BLOCK_SMALL;

		square[l] = of_block ? sum_squares(r->x + at, BLOCK_SMALL) * (2.0f / BLOCK_SMALL)
				     : small_row_square(s, at / r->row);
		lanes_load(r->weights + at % r->row, BLOCK_SMALL, l, 1, s->w);
	}
	for (int i = 0; i < BLOCK_SMALL; i++)
		s->w[i] *= root(square + s->x[i] * s->x[i]);
}

/* 1 / d; 0 where d is 0. */
static inline vec small_inverse(vec d)
{
	return pick(d != 0, 1 / d, (vec){ 0 });
}

/* Towards 0, to a byte with a sign; 0 for what is not finite. */
static inline ivec small_truncate(vec x)
{
	ivec q = __builtin_convertvector(pick(magnitude(x) < 1e9f, x, (vec){ 0 }), ivec);

	return (ivec)(q << 24) >> 24;
}

static inline void small_extremes(const vec *x, vec *low, vec *high)
{
	*low = *high = x[0];
	for (int i = 1; i < BLOCK_SMALL; i++) {
		*low = pick(x[i] < *low, x[i], *low);
		*high = pick(x[i] > *high, x[i], *high);
	}
}

static inline void small_pack_nibbles(const uint8_t *codes, uint8_t *qs)
{
	for (int i = 0; i < 16; i++)
		qs[i] = (uint8_t)((codes[i] & 15) | (codes[i + 16] & 15) << 4);
}

/* The fifth bits, element i to bit i. */
static inline void small_pack_fifth(const uint8_t *codes, uint8_t qh[4])
{
	for (int byte = 0; byte < 4; byte++) {
		int bits = 0;

		for (int i = 0; i < 8; i++)
			bits |= (codes[8 * byte + i] >> 4 & 1) << i;
		qh[byte] = (uint8_t)bits;
	}
}

/* x ~ d (q - @top): codes and scales. */
static vec small_symmetric(struct small_blocks *s, int top)
{
	vec size, d;

	if (s->r->weights) {
		small_weights(s, 0);
		d = fit_symmetric(s->x, s->w, BLOCK_SMALL, top, s->q);
	} else {
		vec inverse;

		d = largest(s->x, BLOCK_SMALL, &size) / -(float)top;
		inverse = small_inverse(d);
		for (int i = 0; i < BLOCK_SMALL; i++) {
			ivec q = small_truncate(s->x[i] * inverse + ((float)top + 0.5f));

			s->q[i] = pick_int(q > 2 * top - 1, 2 * top - 1 - (ivec){ 0 }, q);
		}
	}
	lanes_bytes(s->q, BLOCK_SMALL, s->nr, s->codes);
	return d;
}

/* x ~ d q + m, q in 0 ... @top; without importance @cap is the largest code that is kept. */
static vec small_affine(struct small_blocks *s, int top, int cap, vec *m)
{
	static const struct affine_search weighted = { -0.9f, 0.05f, 36, 0 };
	vec d, low, high;

	if (s->r->weights) {
		small_weights(s, 0);
		d = fit_affine(s->x, s->w, BLOCK_SMALL, top, &weighted, s->q, m);
		*m = -*m;
	} else {
		vec inverse;

		small_extremes(s->x, &low, &high);
		d = (high - low) / (float)top;
		inverse = small_inverse(d);
		for (int i = 0; i < BLOCK_SMALL; i++) {
			ivec q = small_truncate((s->x[i] - low) * inverse + 0.5f);

			s->q[i] = pick_int(q > cap, cap - (ivec){ 0 }, q);
		}
		*m = low;
	}
	lanes_bytes(s->q, BLOCK_SMALL, s->nr, s->codes);
	return d;
}

#endif
