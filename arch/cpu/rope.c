// SPDX-License-Identifier: MIT
#include "ops/rope.h"

#include <math.h>

#include "arch/cpu/convert.h"
#include "arch/cpu/simd.h"
#include "base/thread.h"
#include "tensor/op.h"

/*
 * Sines and cosines cost far more than the rotation.  In training and prefill the
 * positions are below T, so a table of the first T positions is made once per call and
 * shared by sequences and heads; other positions (decoding) are computed where they
 * occur, by the same function: position p = NEAR q + r turns by the angle of NEAR q and
 * then by that of r, in double precision, with a table for r.
 *
 * Scratch: double frequency[pairs], then for each r { cos[pairs], sin[pairs] }, then for
 * each tile and then each position float { cos[pairs], sin[pairs] }.
 */
#define NR_TILES 256	/* at most; each takes rows tile, tile + NR_TILES, ... */
#define NEAR 64

struct work {
	const struct call *c;
	int64_t pairs;
	double *frequency, *near;
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

	return nr_pairs(c) * ((1 + 2 * NEAR) * sizeof(double) + angles * 2 * sizeof(float));
}

static void near_tile(void *ctx, long tile)
{
	const struct work *w = ctx;
	double *near = w->near + tile * 2 * w->pairs;

	for (int64_t i = 0; i < w->pairs; i++) {
		near[i] = cos((double)tile * w->frequency[i]);
		near[w->pairs + i] = sin((double)tile * w->frequency[i]);
	}
}

/* cos and sin at @nr positions from @first on, which do not cross a multiple of NEAR. */
static void angles_at(const struct work *w, int64_t first, int64_t nr, float *cs)
{
	int64_t r = ((first % NEAR) + NEAR) % NEAR;

	for (int64_t i = 0; i < w->pairs; i++) {
		double far = (double)(first - r) * w->frequency[i], c = cos(far), s = sin(far);

		for (int64_t k = 0; k < nr; k++) {
			const double *near = w->near + (r + k) * 2 * w->pairs + i;
			float *to = cs + k * 2 * w->pairs + i;

			to[0] = (float)(c * near[0] - s * near[w->pairs]);
			to[w->pairs] = (float)(s * near[0] + c * near[w->pairs]);
		}
	}
}

static void table_tile(void *ctx, long tile)
{
	const struct work *w = ctx;
	int64_t first = (int64_t)tile * NEAR, left = w->c->in[0].n[1] - first;

	angles_at(w, first, left < NEAR ? left : NEAR, w->table + first * 2 * w->pairs);
}

/* One head; pairs at any distance, elements of x with any stride. */
SIMD_INLINE void rotate(enum dtype type, const void *x, int64_t stride, void *y, const float *cs,
			float sign, int64_t pairs, bool adjacent)
{
	for (int64_t i = 0; i < pairs; i++) {
		int64_t first = adjacent ? 2 * i : i, second = adjacent ? 2 * i + 1 : i + pairs;
		float a = load_as(type, x, first * stride), b = load_as(type, x, second * stride);

		store_as(type, y, first, a * cs[i] - b * (sign * cs[pairs + i]));
		store_as(type, y, second, b * cs[i] + a * (sign * cs[pairs + i]));
	}
}

SIMD_CLONES static void rotate_halves_f32(const float *x, float *y, const float *cs, float sign,
					  int64_t pairs)
{
	rotate(DT_F32, x, 1, y, cs, sign, pairs, false);
}

SIMD_CLONES static void rotate_halves_bf16(const uint16_t *x, uint16_t *y, const float *cs,
					   float sign, int64_t pairs)
{
	rotate(DT_BF16, x, 1, y, cs, sign, pairs, false);
}

/* One head, and behind what rotates the elements that do not. */
static void rotate_head(const struct work *w, const void *x, void *y, const float *cs)
{
	const struct rope_attr *a = w->c->attr;
	const struct layout *l = &w->c->in[0];
	float sign = a->inverse ? -1 : 1;

	if (l->stride[3] != 1 || a->adjacent)
		rotate(l->dtype, x, l->stride[3], y, cs, sign, w->pairs, a->adjacent);
	else if (l->dtype == DT_F32)
		rotate_halves_f32(x, y, cs, sign, w->pairs);
	else
		rotate_halves_bf16(x, y, cs, sign, w->pairs);
	for (int64_t i = 2 * w->pairs; i < l->n[3]; i++)
		store_as(l->dtype, y, i, load_as(l->dtype, x, i * l->stride[3]));
}

/* All heads of one token. */
static void rotate_row(const struct work *w, int64_t row, const float *cs)
{
	const struct layout *l = &w->c->in[0];
	int64_t from = row / l->n[1] * l->stride[0] + row % l->n[1] * l->stride[1];
	int64_t to = row * l->n[2] * l->n[3];
	size_t size = dtype_info(l->dtype)->size;

	for (int64_t h = 0; h < l->n[2]; h++, from += l->stride[2], to += l->n[3])
		rotate_head(w, (const char *)w->c->in_data[0] + from * size,
			    (char *)w->c->out_data[0] + to * size, cs);
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
			angles_at(w, p, 1, own);
			rotate_row(w, row, own);
		}
	}
}

static int rope_plain(const struct call *c)
{
	const struct rope_attr *a = c->attr;
	struct work w = { .c = c, .pairs = nr_pairs(c), .frequency = c->scratch };

	w.near = w.frequency + w.pairs;
	w.own = (float *)(w.near + NEAR * 2 * w.pairs);
	w.table = w.own + nr_tiles(c) * 2 * w.pairs;
	for (int64_t i = 0; i < w.pairs; i++)
		w.frequency[i] = pow(a->base, -2.0 * i / (2.0 * w.pairs));
	threads_run(NEAR, near_tile, &w);
	threads_run((c->in[0].n[1] + NEAR - 1) / NEAR, table_tile, &w);
	threads_run(nr_tiles(c), rope_tile, &w);
	return 0;
}
KERNEL_REGISTER_AS(rope_plain, rope, .arch = "cpu", .rank = 0, .scratch = rope_scratch,
		   .run = rope_plain);
