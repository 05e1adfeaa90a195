// SPDX-License-Identifier: MIT
#include "ops/rope.h"

#include <math.h>

#include "arch/cpu/simd.h"
#include "base/thread.h"
#include "tensor/op.h"

/*
 * Sines and cosines cost far more than the rotation.  In training and prefill the
 * positions are below T, so a table of the first T positions is made once per call and
 * shared by sequences and heads; other positions (decoding) are computed where they
 * occur, by the same function.
 *
 * Scratch: double frequency[pairs], then for each tile and then each position
 * float { cos[pairs], sin[pairs] }.
 */
#define NR_TILES 256	/* at most; each takes rows tile, tile + NR_TILES, ... */

struct work {
	const struct call *c;
	int64_t pairs;
	double *frequency;
	float *own, *table;
};

static int64_t nr_pairs(const struct call *c)
{
	const struct rope_attr *a = c->attr;

	return (a->rotary_dims ? a->rotary_dims : c->in[0].n[3]) / 2;
}

static int64_t nr_tiles(const struct call *c)
{
	int64_t rows = c->in[0].n[0] * c->in[0].n[1];

	return rows < NR_TILES ? rows : NR_TILES;
}

static size_t rope_scratch(const struct call *c)
{
	size_t angles = nr_tiles(c) + c->in[0].n[1];

	return nr_pairs(c) * (sizeof(double) + angles * 2 * sizeof(float));
}

static void angles_at(const struct work *w, double position, float *cs)
{
	for (int64_t i = 0; i < w->pairs; i++) {
		double angle = position * w->frequency[i];

		cs[i] = (float)cos(angle);
		cs[w->pairs + i] = (float)sin(angle);
	}
}

static void table_tile(void *ctx, long tile)
{
	const struct work *w = ctx;

	angles_at(w, (double)tile, w->table + tile * 2 * w->pairs);
}

SIMD_CLONES static void rotate_halves(const float *x, float *y, const float *cs, float sign,
				      int64_t pairs)
{
	for (int64_t i = 0; i < pairs; i++) {
		float a = x[i], b = x[i + pairs];

		y[i] = a * cs[i] - b * (sign * cs[pairs + i]);
		y[i + pairs] = b * cs[i] + a * (sign * cs[pairs + i]);
	}
}

/* Pairs at any distance, elements with any stride. */
static void rotate_pairs(const float *x, int64_t stride, float *y, const float *cs, float sign,
			 int64_t pairs, bool adjacent)
{
	for (int64_t i = 0; i < pairs; i++) {
		int64_t first = adjacent ? 2 * i : i, second = adjacent ? 2 * i + 1 : i + pairs;
		float a = x[first * stride], b = x[second * stride];

		y[first] = a * cs[i] - b * (sign * cs[pairs + i]);
		y[second] = b * cs[i] + a * (sign * cs[pairs + i]);
	}
}

/* All heads of one token. */
static void rotate_row(const struct work *w, int64_t row, const float *cs)
{
	const struct rope_attr *a = w->c->attr;
	const struct layout *l = &w->c->in[0];
	const float *x = (const float *)w->c->in_data[0] + row / l->n[1] * l->stride[0] +
			 row % l->n[1] * l->stride[1];
	float *y = (float *)w->c->out_data[0] + row * l->n[2] * l->n[3];
	float sign = a->inverse ? -1 : 1;

	for (int64_t h = 0; h < l->n[2]; h++, x += l->stride[2], y += l->n[3]) {
		if (l->stride[3] == 1 && !a->adjacent)
			rotate_halves(x, y, cs, sign, w->pairs);
		else
			rotate_pairs(x, l->stride[3], y, cs, sign, w->pairs, a->adjacent);
		for (int64_t i = 2 * w->pairs; i < l->n[3]; i++)
			y[i] = x[i * l->stride[3]];
	}
}

static void rope_tile(void *ctx, long tile)
{
	const struct work *w = ctx;
	const struct layout *l = &w->c->in[0];
	const int32_t *positions = w->c->in_data[1];
	float *own = w->own + tile * 2 * w->pairs;

	for (int64_t row = tile; row < l->n[0] * l->n[1]; row += nr_tiles(w->c)) {
		int32_t p = positions[row];

		if (p >= 0 && p < l->n[1]) {
			rotate_row(w, row, w->table + p * 2 * w->pairs);
		} else {
			angles_at(w, p, own);
			rotate_row(w, row, own);
		}
	}
}

static int rope_plain(const struct call *c)
{
	const struct rope_attr *a = c->attr;
	struct work w = { .c = c, .pairs = nr_pairs(c), .frequency = c->scratch };

	w.own = (float *)(w.frequency + w.pairs);
	w.table = w.own + nr_tiles(c) * 2 * w.pairs;
	for (int64_t i = 0; i < w.pairs; i++)
		w.frequency[i] = pow(a->base, -2.0 * i / (2.0 * w.pairs));
	threads_run(c->in[0].n[1], table_tile, &w);
	threads_run(nr_tiles(c), rope_tile, &w);
	return 0;
}
KERNEL_REGISTER_AS(rope_plain, rope, .arch = "cpu", .rank = 0, .scratch = rope_scratch,
		   .run = rope_plain);
