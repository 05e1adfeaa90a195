// SPDX-License-Identifier: MIT
#include "arch/cpu/rotation.h"

#include <math.h>

#include "arch/cpu/convert.h"
#include "arch/cpu/simd.h"
#include "base/thread.h"

/*
 * Position p = NEAR q + r turns by the angle of NEAR q and then by that of r, in double
 * precision, with a table for r.
 *
 * Memory: double frequency[pairs], for each r { cos[pairs], sin[pairs] }, then for each
 * position float { cos[pairs], sin[pairs] }.
 */
#define NEAR 64

static int64_t nr_pairs(const struct rope_attr *a, int64_t width)
{
	return (a->rotary_dims ? a->rotary_dims : width) / 2;
}

size_t rotation_bytes(const struct rope_attr *a, int64_t width, int64_t nr)
{
	return nr_pairs(a, width) * ((1 + 2 * NEAR) * sizeof(double) + nr * 2 * sizeof(float));
}

static void near_tile(void *ctx, long tile)
{
	const struct rotation *r = ctx;
	double *near = r->near + tile * 2 * r->pairs;

	for (int64_t i = 0; i < r->pairs; i++) {
		near[i] = cos((double)tile * r->frequency[i]);
		near[r->pairs + i] = sin((double)tile * r->frequency[i]);
	}
}

/* cos and sin at @nr positions from @first on, which do not cross a multiple of NEAR. */
static void angles_at(const struct rotation *t, int64_t first, int64_t nr, float *cs)
{
	int64_t r = ((first % NEAR) + NEAR) % NEAR;

	for (int64_t i = 0; i < t->pairs; i++) {
		double far = (double)(first - r) * t->frequency[i], c = cos(far), s = sin(far);

		for (int64_t k = 0; k < nr; k++) {
			const double *near = t->near + (r + k) * 2 * t->pairs + i;
			float *to = cs + k * 2 * t->pairs + i;

			to[0] = (float)(c * near[0] - s * near[t->pairs]);
			to[t->pairs] = (float)(s * near[0] + c * near[t->pairs]);
		}
	}
}

static void table_tile(void *ctx, long tile)
{
	const struct rotation *r = ctx;
	int64_t first = (int64_t)tile * NEAR, left = r->nr - first;

	angles_at(r, first, left < NEAR ? left : NEAR, r->table + first * 2 * r->pairs);
}

/* Radians per token after scaling, see struct rope_scaling. */
static double scaled(const struct rope_scaling *s, double f)
{
	double waves = s->original * f / (2 * M_PI), keep;	/* in the original context */

	switch (s->kind) {
	case ROPE_LINEAR:
		return f / s->factor;
	case ROPE_LLAMA3:
		keep = (waves - s->low) / (s->high - s->low);
		keep = keep < 0 ? 0 : keep > 1 ? 1 : keep;
		return keep * f + (1 - keep) * f / s->factor;
	default:
		return f;
	}
}

void rotation_init(struct rotation *r, const struct rope_attr *a, int64_t width)
{
	*r = (struct rotation){
		.width = width, .pairs = nr_pairs(a, width),
		.adjacent = a->adjacent, .inverse = a->inverse,
	};
}

static void place(struct rotation *r, const struct rope_attr *a, int64_t nr, void *memory)
{
	r->nr = nr;
	r->frequency = memory;
	r->near = r->frequency + r->pairs;
	r->table = (float *)(r->near + NEAR * 2 * r->pairs);
	for (int64_t i = 0; i < r->pairs; i++)
		r->frequency[i] = scaled(&a->scaling,
					 pow(a->base, -2.0 * i / (2.0 * r->pairs)));
}

/* How many positions from @p on follow each other without crossing a multiple of NEAR. */
static int64_t run_of(const int32_t *p, int64_t nr)
{
	int64_t n = 1;

	while (n < nr && p[n] == p[n - 1] + 1 && p[n] % NEAR)
		n++;
	return n;
}

void rotation_angles(const struct rope_attr *a, int64_t width, const int32_t *positions,
		     int64_t nr, void *memory, float *cs)
{
	bool made[NEAR] = { false };
	struct rotation r;

	rotation_init(&r, a, width);
	place(&r, a, 0, memory);
	for (int64_t t = 0, n; t < nr; t += n, cs += n * 2 * r.pairs) {
		int64_t first = ((positions[t] % NEAR) + NEAR) % NEAR;

		n = run_of(positions + t, nr - t);
		for (int64_t i = first; i < first + n; i++) {
			if (!made[i])
				near_tile(&r, i);
			made[i] = true;
		}
		angles_at(&r, positions[t], n, cs);
	}
}

void rotation_make(struct rotation *r, const struct rope_attr *a, int64_t width, int64_t nr,
		   void *memory)
{
	rotation_init(r, a, width);
	place(r, a, nr, memory);
	threads_run(NEAR, near_tile, r);
	threads_run((nr + NEAR - 1) / NEAR, table_tile, r);
}

const float *rotation_at(const struct rotation *r, int32_t p, float *own)
{
	if (p >= 0 && p < r->nr)
		return r->table + p * 2 * r->pairs;
	angles_at(r, p, 1, own);
	return own;
}

/* Pairs at any distance, elements of x with any stride. */
SIMD_INLINE void turn(enum dtype type, const void *x, int64_t stride, void *y, const float *cs,
		      float sign, int64_t pairs, bool adjacent)
{
	for (int64_t i = 0; i < pairs; i++) {
		int64_t first = adjacent ? 2 * i : i, second = adjacent ? 2 * i + 1 : i + pairs;
		float a = load_as(type, x, first * stride), b = load_as(type, x, second * stride);

		store_as(type, y, first, a * cs[i] - b * (sign * cs[pairs + i]));
		store_as(type, y, second, b * cs[i] + a * (sign * cs[pairs + i]));
	}
}

SIMD_CLONES static void turn_halves_f32(const float *x, float *y, const float *cs, float sign,
					int64_t pairs)
{
	turn(DT_F32, x, 1, y, cs, sign, pairs, false);
}

SIMD_CLONES static void turn_halves_bf16(const uint16_t *x, uint16_t *y, const float *cs,
					 float sign, int64_t pairs)
{
	turn(DT_BF16, x, 1, y, cs, sign, pairs, false);
}

void rotation_turn(const struct rotation *r, enum dtype type, const void *x, int64_t stride,
		   void *y, const float *cs, bool back)
{
	float sign = r->inverse != back ? -1 : 1;

	if (stride != 1 || r->adjacent)
		turn(type, x, stride, y, cs, sign, r->pairs, r->adjacent);
	else if (type == DT_F32)
		turn_halves_f32(x, y, cs, sign, r->pairs);
	else
		turn_halves_bf16(x, y, cs, sign, r->pairs);
	for (int64_t i = 2 * r->pairs; i < r->width; i++)	/* what does not turn */
		store_as(type, y, i, load_as(type, x, i * stride));
}
