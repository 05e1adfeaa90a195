// SPDX-License-Identifier: MIT
/*
 * Passes over all weights: scores, means and medians.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/hash.h"
#include "base/thread.h"
#include "prune/choose.h"
#include "prune/mask.h"
#include "prune/select.h"

#define TILE 16384	/* elements, about: whole rows */
#define LANES 16

/* ---- scores -------------------------------------------------------------------------- */

/** struct range - lowest and highest finite score, and how many are not finite. */
struct range {
	float low, high;
	int64_t not_finite;
};

struct scoring {
	const struct prune_choice *c;
	const struct prune_tensor *t;
	float *score;
	int64_t rows_per_tile;
	uint64_t name_hash;
	struct range *range;	/* (tiles) */
};

static inline uint32_t bits_of(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

/* In lanes, so that the compiler may take them all at once. */
static void range_lanes(const float *score, int64_t nr, float low[LANES], float high[LANES],
			uint32_t odd[LANES])
{
	for (int64_t i = 0; i < nr; i += LANES)
		for (int k = 0; k < LANES; k++) {
			float s = score[i + k];
			uint32_t is_odd = (bits_of(s) & 0x7fffffff) >= 0x7f800000;
			float down = is_odd ? INFINITY : s, up = is_odd ? -INFINITY : s;

			low[k] = down < low[k] ? down : low[k];
			high[k] = up > high[k] ? up : high[k];
			odd[k] += is_odd;
		}
}

static void range_add(struct range *r, float low, float high, int64_t not_finite)
{
	r->low = low < r->low ? low : r->low;
	r->high = high > r->high ? high : r->high;
	r->not_finite += not_finite;
}

static struct range range_of(const float *score, int64_t nr)
{
	struct range r = { INFINITY, -INFINITY, 0 };
	int64_t whole = nr / LANES * LANES;
	float low[LANES], high[LANES];
	uint32_t odd[LANES] = { 0 };

	for (int k = 0; k < LANES; k++) {
		low[k] = INFINITY;
		high[k] = -INFINITY;
	}
	range_lanes(score, whole, low, high, odd);
	for (int k = 0; k < LANES; k++)
		range_add(&r, low[k], high[k], odd[k]);
	for (int64_t i = whole; i < nr; i++) {
		if (isfinite(score[i]))
			range_add(&r, score[i], score[i], 0);
		else
			r.not_finite++;
	}
	return r;
}

static void score_tile(void *ctx, long tile)
{
	const struct scoring *s = ctx;
	int64_t row = tile * s->rows_per_tile, rows = s->t->rows - row;
	struct score_call call = {
		.values = &s->c->values, .name_hash = s->name_hash, .rows = s->t->rows,
		.cols = s->t->cols, .norm = s->t->norm, .inverse_a = s->t->inverse_a,
		.inverse_g = s->t->inverse_g, .at = row * s->t->cols,
	};

	rows = rows < s->rows_per_tile ? rows : s->rows_per_tile;
	call.nr = rows * s->t->cols;
	call.score = s->score + call.at;
	for (int i = 0; i < PRUNE_FLAT; i++)
		call.in[i] = s->t->in[i] ? s->t->in[i] + call.at : NULL;
	s->c->criterion->score(&call);
	s->range[tile] = range_of(call.score, call.nr);
}

int prune_scores(const struct prune_choice *c, struct prune_tensor *t, float *score)
{
	struct scoring s = { c, t, score, t->cols < TILE ? TILE / t->cols : 1,
			     hash_name(t->name), NULL };
	long tiles = (long)((t->rows + s.rows_per_tile - 1) / s.rows_per_tile);
	struct range all = { INFINITY, -INFINITY, 0 };

	s.range = malloc((tiles + 1) * sizeof(*s.range));
	if (!s.range)
		return fail_nomem(tiles * sizeof(*s.range), "ranges");
	threads_run(tiles, score_tile, &s);
	for (long i = 0; i < tiles; i++)
		range_add(&all, s.range[i].low, s.range[i].high, s.range[i].not_finite);
	free(s.range);
	t->low = all.low;
	t->high = all.high;
	t->not_finite = all.not_finite;
	return 0;
}

/* ---- mean and median ----------------------------------------------------------------- */

struct summing {
	const float *x;
	int64_t nr;
	double *sum;	/* (tiles) */
};

static void sum_tile(void *ctx, long tile)
{
	const struct summing *s = ctx;
	int64_t at = (int64_t)tile * TILE, end = s->nr - at < TILE ? s->nr : at + TILE;
	double sum = 0;

	for (; at < end; at++)
		sum += s->x[at];
	s->sum[tile] = sum;
}

static int add_sum(const float *x, int64_t nr, double *total)
{
	long tiles = (long)((nr + TILE - 1) / TILE);
	struct summing s = { x, nr, malloc((tiles + 1) * sizeof(*s.sum)) };

	if (!s.sum)
		return fail_nomem(tiles * sizeof(*s.sum), "sums");
	threads_run(tiles, sum_tile, &s);
	for (long i = 0; i < tiles; i++)
		*total += s.sum[i];
	free(s.sum);
	return 0;
}

static int64_t kept_before(const struct prune_tensor *t)
{
	int64_t nr = prune_tensor_count(t);

	return t->before ? mask_kept(t->before, nr) : nr;
}

int prune_mean(const struct prune_tensor *tensors, int nr, enum prune_input input, double *mean)
{
	int64_t count = 0;
	double total = 0;
	int ret = 0;

	for (int i = 0; i < nr && !ret; i++) {
		ret = add_sum(tensors[i].in[input], prune_tensor_count(&tensors[i]), &total);
		count += kept_before(&tensors[i]);
	}
	*mean = count ? total / (double)count : 0;
	return ret;
}

int prune_median(const struct prune_tensor *tensors, int nr, enum prune_input input,
		 double *median)
{
	struct select_part *parts = calloc(nr + 1, sizeof(*parts));
	int64_t count = 0, kept = 0;
	float value = 0;
	int ret = 0;

	if (!parts)
		return fail_nomem(nr * sizeof(*parts), "a list of tensors");
	for (int i = 0; i < nr; i++) {
		parts[i].score = tensors[i].in[input];
		parts[i].nr = prune_tensor_count(&tensors[i]);
		count += parts[i].nr;
		kept += kept_before(&tensors[i]);
	}
	/* What was dropped comes first: it is 0. */
	if (kept)
		ret = select_value(parts, nr, count - kept + (kept - 1) / 2, &value);
	*median = value;
	free(parts);
	return ret;
}
