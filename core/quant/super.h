/* SPDX-License-Identifier: MIT */
/* What Q2_K ... Q6_K share: blocks of 256 in groups of 16 or 32 with scales of scales. */
#ifndef QUANT_SUPER_H
#define QUANT_SUPER_H

#include "block/layout.h"
#include "quant/fit.h"
#include "quant/quant.h"

#define SUPER_MAX (LANES * GROUP_MAX / BLOCK_SUPER)	/* blocks at once, at most */

static inline int64_t super_count(const struct quant_rows *r)
{
	return r->nr * r->row / BLOCK_SUPER;
}

/*
 * Weights of errors with importance: that times sqrt(s + x^2), s = @factor times the mean
 * square of the block.  @nr blocks from block @at on, groups of @n.
 */
static void super_weights(const struct quant_rows *r, int64_t at, int nr, int n, float factor,
			  const vec *x, vec *w)
{
	int groups = BLOCK_SUPER / n;
	vec s = { 0 };

	for (int b = 0; b < nr; b++) {
		const float *from = r->x + (at + b) * BLOCK_SUPER;
		float sum = 0;

		for (int i = 0; i < BLOCK_SUPER; i++)
			sum += from[i] * from[i];
		for (int l = 0; l < groups; l++)
			s[b * groups + l] = factor * sum / BLOCK_SUPER;
		lanes_load(r->weights + (at + b) * BLOCK_SUPER % r->row, n, b * groups, groups, w);
	}
	for (int i = 0; i < n; i++)
		w[i] *= root(s + x[i] * x[i]);
}

static inline vec sum_lanes(const vec *w, int n)
{
	vec sum = { 0 };

	for (int i = 0; i < n; i++)
		sum += w[i];
	return sum;
}

/**
 * struct affine_shape - how a type with scales and minima differs from the others.
 * @n: elements of a group
 * @top: the largest code; @scale_top: of scales and minima
 * @cap, @cap_weighted: they are cut to this byte, without and with importance
 * @sigma: super_weights()'s factor
 * @plain: search without importance
 */
struct affine_shape {
	int n, top, scale_top;
	int cap, cap_weighted;
	float sigma;
	struct affine_search plain;
};

/** struct affine_block - codes, scales and minima of up to SUPER_MAX blocks. */
struct affine_block {
	vec x[GROUP_MAX];
	ivec q[GROUP_MAX];
	uint8_t scale[LANES], min[LANES];
	uint16_t d[SUPER_MAX], dmin[SUPER_MAX];
};

/* Without importance: the largest scale has the largest code. */
static void affine_largest(const struct affine_shape *s, const vec *scale, int b, uint8_t *code,
			   uint16_t *d)
{
	int groups = BLOCK_SUPER / s->n;
	float most = 0, inverse;

	for (int l = b * groups; l < (b + 1) * groups; l++)
		most = (*scale)[l] > most ? (*scale)[l] : most;
	inverse = most > 0 ? (float)s->scale_top / most : 0;
	for (int l = b * groups; l < (b + 1) * groups; l++) {
		uint8_t q = (uint8_t)nearest_one(inverse * (*scale)[l]);

		code[l] = q > s->cap ? (uint8_t)s->cap : q;
	}
	*d = f32_to_f16(most / (float)s->scale_top);
}

/* With importance: scales (lane 2 b) and minima (lane 2 b + 1) are fitted themselves. */
static void affine_fitted(const struct affine_shape *s, const vec *scale, const vec *min,
			  const vec *sw, int nr, struct affine_block *a)
{
	int groups = BLOCK_SUPER / s->n;
	vec x[LANES] = { { 0 } }, w[LANES] = { { 0 } }, d;
	ivec q[LANES];

	for (int b = 0; b < nr; b++)
		for (int i = 0; i < groups; i++) {
			x[i][2 * b] = (*scale)[b * groups + i];
			x[i][2 * b + 1] = (*min)[b * groups + i];
			w[i][2 * b] = w[i][2 * b + 1] = (*sw)[b * groups + i];
		}
	d = fit_positive(x, w, groups, s->scale_top, q);
	for (int b = 0; b < nr; b++) {
		for (int i = 0; i < groups; i++) {
			int qs = q[i][2 * b], qm = q[i][2 * b + 1], cap = s->cap_weighted;

			a->scale[b * groups + i] = (uint8_t)(qs > cap ? cap : qs);
			a->min[b * groups + i] = (uint8_t)(qm > cap ? cap : qm);
		}
		a->d[b] = f32_to_f16(d[2 * b]);
		a->dmin[b] = f32_to_f16(d[2 * b + 1]);
	}
}

/* Scales and first codes of @nr blocks from block @at on. */
static void affine_blocks(const struct affine_shape *s, const struct quant_rows *r, int64_t at,
			  int nr, struct affine_block *a)
{
	static const struct affine_search weighted = { -0.9f, 0.05f, 36, 0 };
	vec w[GROUP_MAX], scale, min, sum = { 0 };
	int n = s->n;

	memset(a->x, 0, sizeof(a->x));
	memset(w, 0, sizeof(w));
	lanes_load(r->x + at * BLOCK_SUPER, n, 0, nr * BLOCK_SUPER / n, a->x);
	if (r->weights) {
		super_weights(r, at, nr, n, s->sigma, a->x, w);
		scale = fit_affine(a->x, w, n, s->top, &weighted, a->q, &min);
		sum = sum_lanes(w, n);
		affine_fitted(s, &scale, &min, &sum, nr, a);
		return;
	}
	for (int i = 0; i < n; i++)
		sum += a->x[i] * a->x[i];
	for (int i = 0; i < n; i++)
		w[i] = magnitude(a->x[i]);
	for (int i = 0; i < n && !s->plain.absolute; i++)
		w[i] = root(sum / (float)n) + w[i];
	scale = fit_affine(a->x, w, n, s->top, &s->plain, a->q, &min);
	for (int b = 0; b < nr; b++) {
		affine_largest(s, &scale, b, a->scale, &a->d[b]);
		affine_largest(s, &min, b, a->min, &a->dmin[b]);
	}
}

/* The codes that are best for the scales as the block holds them; @codes: in order. */
static void affine_codes(const struct affine_shape *s, int nr, struct affine_block *a,
			 uint8_t *codes)
{
	int groups = BLOCK_SUPER / s->n;
	vec d = { 0 }, m = { 0 };

	for (int l = 0; l < nr * groups; l++) {
		d[l] = f16_to_f32(a->d[l / groups]) * (float)a->scale[l];
		m[l] = f16_to_f32(a->dmin[l / groups]) * (float)a->min[l];
	}
	for (int i = 0; i < s->n; i++) {
		ivec q = clamp(nearest((a->x[i] + m) / d), 0, s->top);

		a->q[i] = pick_int(d != 0, q, a->q[i]);
	}
	lanes_bytes(a->q, s->n, nr * groups, codes);
}

/* Scales and minima of 6 bits to the 12 bytes that q4_k_scales() reads, and back. */
static void affine_pack_scales(uint8_t s[12], uint8_t scale[8], uint8_t min[8])
{
	for (int i = 0; i < 4; i++) {
		s[i] = (uint8_t)(scale[i] | scale[i + 4] >> 4 << 6);
		s[i + 4] = (uint8_t)(min[i] | min[i + 4] >> 4 << 6);
		s[i + 8] = (uint8_t)((scale[i + 4] & 15) | min[i + 4] << 4);
	}
	q4_k_scales(s, scale, min);
}

/* Two bits of each code, as Q2_K and Q3_K have them. */
static inline void super_pack_pairs(const uint8_t *codes, uint8_t *qs)
{
	for (int i = 0; i < 64; i++) {
		const uint8_t *q = codes + i / 32 * 128 + i % 32;

		qs[i] = (uint8_t)((q[0] & 3) | (q[32] & 3) << 2 | (q[64] & 3) << 4 |
				  (q[96] & 3) << 6);
	}
}

/* Four bits of each, as Q4_K and Q5_K have them. */
static inline void super_pack_nibbles(const uint8_t *codes, uint8_t *qs)
{
	for (int i = 0; i < 128; i++) {
		const uint8_t *q = codes + i / 32 * 64 + i % 32;

		qs[i] = (uint8_t)((q[0] & 15) | (q[32] & 15) << 4);
	}
}

/* Codes of types with a scale only, for the scales as the block holds them. */
static void symmetric_codes(const vec *x, int n, int top, vec d, ivec *q, uint8_t *codes)
{
	for (int i = 0; i < n; i++)
		q[i] = pick_int(d != 0, clamp(nearest(x[i] / d), -top, top - 1) + top, q[i]);
	lanes_bytes(q, n, LANES, codes);
}

/* The scale of largest magnitude, the first of several. */
static inline float largest_scale(const vec *scale)
{
	float most = 0, value = 0;

	for (int l = 0; l < LANES; l++)
		if (__builtin_fabsf((*scale)[l]) > most) {
			most = __builtin_fabsf((*scale)[l]);
			value = (*scale)[l];
		}
	return value;
}

#endif
