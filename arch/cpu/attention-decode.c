// SPDX-License-Identifier: MIT
/*
 * Attention of one query per sequence: decoding.
 *
 * A unit is DECODE_PART keys of one sequence and kv head.  It reads its keys and values once, for
 * all heads that share them; what the units of a head found is then put together ("Flash
 * decoding", Dao et al. 2023).  Parts lie at fixed positions, so that the bits depend
 * neither on threads nor on the capacity of the cache.
 */
#include <math.h>
#include <string.h>

#include "arch/cpu/attention-block.h"
#include "arch/cpu/attention-decode.h"
#include "arch/cpu/convert.h"
#include "arch/cpu/simd.h"
#include "arch/cpu/vmath.h"
#include "base/thread.h"

#define DECODE_PART 128	/* keys of a unit */
#define HEADS_MAX 8	/* of a group: more are done well by the products of attention.c */
#define WIDTH_MAX 512

_Static_assert(MM_COLS == DECODE_ROWS, "wide() gives whole tiles");

struct decode {
	struct attention_sizes s;
	const struct decode_simd *loops;
	int64_t parts;
	float *found;		/* (B, heads, parts, 2 + Dv): base, sum, values */
};

static int64_t nr_parts(const struct call *c)
{
	return (c->in[ATTENTION_K].n[1] + DECODE_PART - 1) / DECODE_PART;
}

static bool decode_usable(const struct call *c, const struct device *dev)
{
	const struct attention_attr *a = c->attr;
	const struct layout *q = &c->in[ATTENTION_Q], *k = &c->in[ATTENTION_K];
	const struct layout *v = &c->in[ATTENTION_V];

	(void)dev;
	return q->n[1] == 1 && !a->rope.base && q->n[2] / k->n[2] <= HEADS_MAX &&
	       k->n[3] % DECODE_ROWS == 0 && v->n[3] % DECODE_ROWS == 0 &&
	       k->n[3] <= WIDTH_MAX && v->n[3] <= WIDTH_MAX &&
	       k->stride[3] == 1 && v->stride[3] == 1;
}

static size_t decode_scratch(const struct call *c)
{
	const struct layout *q = &c->in[ATTENTION_Q];

	return q->n[0] * q->n[2] * nr_parts(c) * (2 + c->in[ATTENTION_V].n[3]) * sizeof(float);
}

static float *found_at(const struct decode *d, int64_t b, int64_t h, int64_t part)
{
	return d->found + ((b * d->s.heads + h) * d->parts + part) * (2 + d->s.dv);
}

/* ---- a part of the keys ------------------------------------------------------------- */

struct unit {
	int64_t b, kv;
	int32_t first, last;			/* keys */
	_Alignas(64) float scores[HEADS_MAX][DECODE_PART];
	_Alignas(64) float query[HEADS_MAX * WIDTH_MAX];	/* (group, D) */
	_Alignas(64) float tile[DECODE_ROWS * WIDTH_MAX];
};

static void load_queries(const struct decode *d, struct unit *u)
{
	const struct layout *q = &d->s.c->in[ATTENTION_Q];

	for (int64_t g = 0; g < d->s.group; g++) {
		int64_t at = u->b * q->stride[0] + (u->kv * d->s.group + g) * q->stride[2];

		for (int64_t e = 0; e < d->s.d; e++)
			u->query[g * d->s.d + e] = load_as(q->dtype, d->s.c->in_data[ATTENTION_Q],
							   at + e * q->stride[3]);
	}
}

/* @nr rows of keys or values from @key on as floats; zeros behind them. */
static struct rows tile_rows(const struct decode *d, struct unit *u, int in, int64_t key,
			     int64_t nr)
{
	const struct layout *l = &d->s.c->in[in];
	int64_t width = l->n[3];
	const char *from = data_at(d->s.c->in_data[in], l->dtype, u->b * l->stride[0] +
				   key * l->stride[1] + u->kv * l->stride[2]);
	int64_t step = l->stride[1] * (int64_t)dtype_size(l->dtype);

	if (l->dtype == DT_F32 && nr == DECODE_ROWS)
		return (struct rows){ (const float *)(const void *)from, l->stride[1] };
	if (l->dtype == DT_F16)
		d->loops->widen((const uint16_t *)(const void *)from, l->stride[1], nr, width,
				u->tile);
	for (int64_t r = 0; r < nr && l->dtype != DT_F16; r++, from += step)
		widen(from, l->dtype, u->tile + r * width, width);
	memset(u->tile + nr * width, 0, (DECODE_ROWS - nr) * width * sizeof(float));
	return (struct rows){ u->tile, width };
}

static int64_t rows_from(const struct unit *u, int64_t at)
{
	return smaller(u->last + 1 - (u->first + at), DECODE_ROWS);
}

SIMD_CLONES static void cap(float *scores, float scale, float cap, int64_t nr)
{
	for (int64_t i = 0; i < nr; i++)
		scores[i] = cap * vm_tanhf(scores[i] * scale / cap);
}

/* Scores of all heads, and behind the last key those of nothing. */
static void score_keys(const struct decode *d, struct unit *u)
{
	int64_t nr = u->last + 1 - u->first, at = 0;

	for (; at < nr; at += DECODE_ROWS) {
		struct rows k = tile_rows(d, u, ATTENTION_K, u->first + at, rows_from(u, at));

		for (int64_t g = 0; g < d->s.group; g++)
			d->loops->score(k.data, k.stride, u->query + g * d->s.d, d->s.d,
					u->scores[g] + at);
	}
	for (int64_t g = 0; g < d->s.group; g++) {
		if (d->s.a->softcap)
			cap(u->scores[g], d->s.scale, d->s.a->softcap, nr);
		for (int64_t j = nr; j < at; j++)
			u->scores[g][j] = -INFINITY;
	}
}

/* Of @nr scores, whole vectors; a NaN is left to the exponentials. */
SIMD_CLONES static float largest(const float *x, int64_t nr)
{
	float max[DECODE_ROWS], best = -INFINITY;

	for (int l = 0; l < DECODE_ROWS; l++)
		max[l] = -INFINITY;
	for (int64_t i = 0; i < nr; i += DECODE_ROWS)
		for (int l = 0; l < DECODE_ROWS; l++)
			max[l] = x[i + l] > max[l] ? x[i + l] : max[l];
	for (int l = 0; l < DECODE_ROWS; l++)
		best = max[l] > best ? max[l] : best;
	return best;
}

static void mix_values(const struct decode *d, struct unit *u, float *out[HEADS_MAX])
{
	for (int64_t at = 0; at < u->last + 1 - u->first; at += DECODE_ROWS) {
		int64_t nr = rows_from(u, at);
		struct rows v = tile_rows(d, u, ATTENTION_V, u->first + at, nr);

		for (int64_t g = 0; g < d->s.group; g++)
			d->loops->mix(v.data, v.stride, u->scores[g] + at, nr, d->s.dv, out[g]);
	}
}

static void run_unit(const struct decode *d, struct unit *u, int64_t part)
{
	float factor = (d->s.a->softcap ? 1 : d->s.scale) * (float)M_LOG2E;
	int64_t nr = wide(u->last + 1 - u->first);
	float *out[HEADS_MAX];

	load_queries(d, u);
	score_keys(d, u);
	for (int64_t g = 0; g < d->s.group; g++) {
		float *found = found_at(d, u->b, u->kv * d->s.group + g, part);

		found[0] = largest(u->scores[g], nr) * factor;
		found[1] = d->loops->weights(u->scores[g], nr, factor, found[0]);
		out[g] = found + 2;
		memset(out[g], 0, d->s.dv * sizeof(float));
	}
	mix_values(d, u, out);
}

static void part_tile(void *ctx, long tile)
{
	const struct decode *d = ctx;
	int64_t part = tile % d->parts, pair = tile / d->parts;
	struct unit u;
	struct span span;

	u.b = pair / d->s.kv_heads;
	u.kv = pair % d->s.kv_heads;
	span = attention_span(&d->s, u.b, 0);
	u.first = (int32_t)(part * DECODE_PART > span.first ? part * DECODE_PART : span.first);
	u.last = (int32_t)smaller((part + 1) * DECODE_PART - 1, span.last);
	if (u.last >= u.first)
		run_unit(d, &u, part);
}

/* ---- all parts ---------------------------------------------------------------------- */

SIMD_CLONES static void add_scaled(const float *from, float factor, float *to, int64_t n)
{
	for (int64_t e = 0; e < n; e++)
		to[e] += from[e] * factor;
}

/* The parts @first ... @last of a head. */
static void put_together(const struct decode *d, int64_t b, int64_t h, int64_t first,
			 int64_t last)
{
	float base = -INFINITY, sum = 0, out[WIDTH_MAX] = { 0 };
	int64_t head = b * d->s.heads + h;

	for (int64_t p = first; p <= last; p++)
		base = fmaxf(base, found_at(d, b, h, p)[0]);
	for (int64_t p = first; p <= last; p++) {
		const float *found = found_at(d, b, h, p);
		float factor = exp2f(found[0] - base);

		sum += found[1] * factor;
		add_scaled(found + 2, factor, out, d->s.dv);
	}
	((float *)d->s.c->out_data[ATTENTION_LSE])[head] =
		first > last ? -INFINITY : base * (float)M_LN2 + logf(sum);
	attention_store(d->s.c, ATTENTION_O, head * d->s.dv, out, first > last ? 1 : 1 / sum,
			d->s.dv);
}

static void sequence_tile(void *ctx, long b)
{
	const struct decode *d = ctx;
	struct span span = attention_span(&d->s, b, 0);
	int64_t first = 0, last = -1;

	if (span.last >= span.first) {
		first = span.first / DECODE_PART;
		last = span.last / DECODE_PART;
	}
	for (int64_t h = 0; h < d->s.heads; h++)
		put_together(d, b, h, first, last);
}

static int attention_decode(const struct call *c)
{
	struct decode d = {
		.s = attention_sizes(c), .loops = decode_simd(), .found = c->scratch,
	};
	int64_t longest = 0;
	int ret = attention_check(&d.s);

	if (ret)
		return ret;
	for (int64_t b = 0; b < d.s.batch; b++) {
		struct span span = attention_span(&d.s, b, 0);

		longest = span.last >= longest ? span.last + 1 : longest;
	}
	d.parts = (longest + DECODE_PART - 1) / DECODE_PART;
	threads_run(d.s.batch * d.s.kv_heads * d.parts, part_tile, &d);
	threads_run(d.s.batch, sequence_tile, &d);
	return 0;
}
KERNEL_REGISTER_AS(attention_decode, attention, .arch = "cpu", .rank = 10,
		   .usable = decode_usable, .scratch = decode_scratch, .run = attention_decode);
