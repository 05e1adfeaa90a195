// SPDX-License-Identifier: MIT
/*
 * Attention in blocks with a running maximum and sum (Milakov and Gimelshein, "Online
 * normalizer calculation for softmax", 2018; FlashAttention, algorithm 1).
 *
 * A unit is up to BLOCK query rows of one sequence and kv head: the queries of all heads
 * that share it, so that decoding with grouped heads reads each key once.  Scores are
 * kept as (keys, rows): then keys need no packing, and the maximum, the exponentials and
 * the sum of a row are vector operations over rows.  A row's bits depend neither on the
 * rows beside it nor on how many queries a run has: prefill and decoding agree.
 */
#include <math.h>
#include <string.h>

#include "arch/cpu/attention-block.h"
#include "arch/cpu/mm.h"
#include "arch/cpu/simd.h"
#include "arch/cpu/vmath.h"
#include "base/thread.h"

struct unit {
	float scores[BLOCK * BLOCK];	/* (keys, rows) */
	float max[BLOCK], sum[BLOCK], shrink[BLOCK];
	int32_t first[BLOCK], last[BLOCK];
	int64_t b, kv, first_row, nr;	/* rows (head of the group, query) */
	int64_t key_first, key_last;
	float *query;			/* (D, BLOCK), scaled */
	float *out;			/* (BLOCK, Dv) */
	float *copy;			/* (BLOCK, max(D, Dv)), see attention_rows() */
};

static int64_t slot_floats(const struct attention_sizes *s)
{
	int64_t wide = s->d > s->dv ? s->d : s->dv;

	return BLOCK * (s->d + s->dv + wide);
}

static int64_t nr_units(const struct attention_sizes *s)
{
	return s->batch * s->kv_heads * blocks_of(s->group * s->tq);
}

static size_t attention_scratch(const struct call *c)
{
	struct attention_sizes s = attention_sizes(c);

	return smaller(nr_units(&s), NR_SLOTS) * slot_floats(&s) * sizeof(float);
}

/* Which keys do the rows see, and their queries as columns. */
static void load_queries(const struct attention_sizes *s, struct unit *u)
{
	float scale = s->scale, *query = u->query;
	int64_t d = s->d;

	u->key_first = INT32_MAX;
	u->key_last = -1;
	for (int64_t r = 0; r < u->nr; r++) {
		int64_t row = u->first_row + r, h = u->kv * s->group + row / s->tq;
		struct span span = attention_span(s, u->b, row % s->tq);
		struct rows q = attention_rows(s->c, ATTENTION_Q, u->b, h, row % s->tq, 1,
					       u->copy);

		u->first[r] = span.first;
		u->last[r] = span.last;
		u->key_first = smaller(u->key_first, span.first);
		u->key_last = u->key_last > span.last ? u->key_last : span.last;
		u->max[r] = -INFINITY;
		u->sum[r] = 0;
		for (int64_t e = 0; e < d; e++)
			query[e * BLOCK + r] = q.data[e] * scale;
	}
	for (int64_t r = u->nr; r < BLOCK; r++) {
		u->first[r] = INT32_MAX;
		u->last[r] = -1;
		u->max[r] = -INFINITY;
		u->sum[r] = 0;
		for (int64_t e = 0; e < d; e++)
			query[e * BLOCK + r] = 0;
	}
}

SIMD_CLONES static void cap_scores(float *scores, float cap, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		scores[i] = cap * vm_tanhf(scores[i] / cap);
}

SIMD_CLONES static void mask_scores(struct unit *u, int32_t key, int64_t nr_keys)
{
	for (int64_t j = 0; j < nr_keys; j++) {
		float *s = u->scores + j * BLOCK;
		int32_t at = key + (int32_t)j;

		for (int r = 0; r < BLOCK; r++)
			s[r] = ((at >= u->first[r]) & (at <= u->last[r])) ? s[r] : -INFINITY;
	}
}

/* Scores to weights relative to the new maximum; what came before shrinks. */
SIMD_CLONES static void weigh_scores(struct unit *u, int64_t nr_keys, int64_t nr)
{
	float base[BLOCK], sum[BLOCK];

	for (int64_t r = 0; r < nr; r++)
		base[r] = u->max[r];
	for (int64_t j = 0; j < nr_keys; j++)
		for (int64_t r = 0; r < nr; r++) {
			float s = u->scores[j * BLOCK + r];

			base[r] = s > base[r] ? s : base[r];
		}
	for (int64_t r = 0; r < nr; r++) {
		float old = u->max[r];

		u->max[r] = base[r];
		/* Nothing seen yet: any finite base gives weights of 0. */
		base[r] = base[r] == -INFINITY ? 0 : base[r];
		u->shrink[r] = vm_expf(old - base[r]);
		sum[r] = 0;
	}
	for (int64_t j = 0; j < nr_keys; j++)
		for (int64_t r = 0; r < nr; r++) {
			float w = vm_expf(u->scores[j * BLOCK + r] - base[r]);

			u->scores[j * BLOCK + r] = w;
			sum[r] += w;
		}
	for (int64_t r = 0; r < nr; r++)
		u->sum[r] = u->sum[r] * u->shrink[r] + sum[r];
}

static bool must_mask(const struct unit *u, int64_t key, int64_t nr_keys)
{
	for (int64_t r = 0; r < u->nr; r++)
		if (u->first[r] > key || u->last[r] < key + nr_keys - 1)
			return true;
	return false;
}

SIMD_CLONES static void scale_row(const float *from, float factor, float *to, int64_t n)
{
	for (int64_t e = 0; e < n; e++)
		to[e] = from[e] * factor;
}

static void shrink_out(struct unit *u, int64_t dv)
{
	for (int64_t r = 0; r < u->nr; r++)
		if (u->shrink[r] != 1)
			scale_row(u->out + r * dv, u->shrink[r], u->out + r * dv, dv);
}

/* Keys @key ... @key + @nr_keys: scores, weights, and weights times values. */
static void take_keys(const struct attention_sizes *s, struct unit *u, int64_t key,
		      int64_t nr_keys, bool is_first)
{
	int64_t width = (u->nr + 15) / 16 * 16;
	struct rows k = attention_rows(s->c, ATTENTION_K, u->b, u->kv, key, nr_keys, u->copy);
	struct rows v;

	mm_run(&(struct mm){
		.m = nr_keys, .n = width, .k = s->d,
		.a = k.data, .a_row = k.stride, .a_col = 1,
		.b = u->query, .b_row = BLOCK,
		.c = u->scores, .c_row = BLOCK });
	if (s->a->softcap)
		cap_scores(u->scores, s->a->softcap, nr_keys * BLOCK);
	if (must_mask(u, key, nr_keys))
		mask_scores(u, (int32_t)key, nr_keys);
	weigh_scores(u, nr_keys, width);
	if (!is_first)
		shrink_out(u, s->dv);
	v = attention_rows(s->c, ATTENTION_V, u->b, u->kv, key, nr_keys, u->copy);
	mm_run(&(struct mm){
		.m = u->nr, .n = s->dv, .k = nr_keys,
		.a = u->scores, .a_row = 1, .a_col = BLOCK,
		.b = v.data, .b_row = v.stride,
		.c = u->out, .c_row = s->dv, .add = !is_first });
}

static void store_rows(const struct attention_sizes *s, const struct unit *u)
{
	for (int64_t r = 0; r < u->nr; r++) {
		int64_t row = u->first_row + r, i = row % s->tq;
		int64_t h = u->kv * s->group + row / s->tq;
		float *o = (float *)s->c->out_data[ATTENTION_O] +
			   ((u->b * s->tq + i) * s->heads + h) * s->dv;
		float *lse = (float *)s->c->out_data[ATTENTION_LSE] +
			     (u->b * s->heads + h) * s->tq + i;

		if (u->last[r] < 0) {	/* sees no key */
			*lse = -INFINITY;
			memset(o, 0, s->dv * sizeof(float));
			continue;
		}
		*lse = u->max[r] + logf(u->sum[r]);
		scale_row(u->out + r * s->dv, 1 / u->sum[r], o, s->dv);
	}
}

/* The last blocks come first: under a causal mask they take longest. */
static void run_unit(const struct attention_sizes *s, int64_t unit, float *scratch)
{
	int64_t rows = s->group * s->tq, per_block = s->batch * s->kv_heads;
	int64_t block = blocks_of(rows) - 1 - unit / per_block;
	struct unit u = {
		.b = unit % per_block / s->kv_heads,
		.kv = unit % s->kv_heads,
		.first_row = block * BLOCK,
		.nr = smaller(rows - block * BLOCK, BLOCK),
		.query = scratch,
		.out = scratch + BLOCK * s->d,
		.copy = scratch + BLOCK * (s->d + s->dv),
	};
	bool is_first = true;

	load_queries(s, &u);
	for (int64_t key = u.key_first / BLOCK * BLOCK; key <= u.key_last; key += BLOCK) {
		take_keys(s, &u, key, smaller(u.key_last + 1 - key, BLOCK), is_first);
		is_first = false;
	}
	store_rows(s, &u);
}

static void attention_tile(void *ctx, long tile)
{
	const struct attention_sizes *s = ctx;

	for (int64_t unit = tile; unit < nr_units(s); unit += NR_SLOTS)
		run_unit(s, unit, (float *)s->c->scratch + tile * slot_floats(s));
}

static int attention_plain(const struct call *c)
{
	struct attention_sizes s = attention_sizes(c);
	int ret = attention_check(&s);

	if (!ret)
		threads_run(smaller(nr_units(&s), NR_SLOTS), attention_tile, &s);
	return ret;
}
KERNEL_REGISTER_AS(attention_plain, attention, .arch = "cpu", .rank = 0,
		   .scratch = attention_scratch, .run = attention_plain);
