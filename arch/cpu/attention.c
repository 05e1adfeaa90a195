// SPDX-License-Identifier: MIT
/*
 * Attention in blocks with a running maximum and sum (Milakov and Gimelshein, "Online
 * normalizer calculation for softmax", 2018; FlashAttention, algorithm 1).
 *
 * Query rows are taken BLOCK at a time from one sequence and kv head: the queries of all
 * heads that share it, so that decoding with grouped heads reads each key once.  Scores
 * are kept as (keys, rows): then keys need no packing, and the maximum, the exponentials
 * and the sum of a row are vector operations over rows.  A row's bits depend neither on
 * the rows beside it nor on how many queries a run has: prefill and decoding agree.
 *
 * A unit is some of the blocks of a sequence and kv head, so that keys and values stay in
 * cache from block to block.
 */
#include <math.h>
#include <string.h>

#include "arch/cpu/attention-block.h"
#include "arch/cpu/simd.h"
#include "arch/cpu/vmath.h"
#include "base/thread.h"

#define ENOUGH_UNITS 24

struct unit {
	_Alignas(64) float scores[BLOCK * BLOCK];	/* (keys, rows) */
	float base[BLOCK], sum[BLOCK], shrink[BLOCK];
	_Alignas(64) float packed[BLOCK / 2 * BLOCK];	/* (pairs of keys, rows) in bf16 */
	int32_t first[BLOCK], last[BLOCK];
	struct sight sight[GROUPS];
	int64_t b, kv, first_row, nr;	/* rows (head of the group, query) */
	float *query;			/* (D, BLOCK) */
	float *out;			/* (BLOCK, wide Dv) */
	float *copy;			/* (BLOCK, wide max(D, Dv)), see attention_rows() */
	float *pairs;			/* (BLOCK / 2, wide Dv), see attention_pairs() */
	float *keys, *room;		/* (Tk, wide D) and for turning, if keys turn */
	struct mm_ahead ahead;
};

static int64_t wider(const struct attention_sizes *s)
{
	return s->wide_d > s->wide_dv ? s->wide_d : s->wide_dv;
}

static int64_t slot_floats(const struct attention_sizes *s)
{
	int64_t turned = s->a->rope.base ? s->tk * s->wide_d / s->step : 0;

	return wide(BLOCK * (s->d + s->wide_dv + wider(s)) + BLOCK / 2 * s->wide_dv + turned +
		    attention_room(s));
}

static int64_t nr_blocks(const struct attention_sizes *s)
{
	return blocks_of(s->group * s->tq);
}

/* Units of a sequence and kv head: more than one only if those are few. */
static int64_t nr_parts(const struct attention_sizes *s)
{
	int64_t pairs = s->batch * s->kv_heads, parts = 1;

	while (parts * pairs < ENOUGH_UNITS && parts < nr_blocks(s))
		parts++;
	return parts;
}

static int64_t nr_units(const struct attention_sizes *s)
{
	return s->batch * s->kv_heads * nr_parts(s);
}

static size_t attention_scratch(const struct call *c)
{
	struct attention_sizes s = attention_sizes(c);

	return (attention_angles(&s) + NR_SLOTS * slot_floats(&s)) * sizeof(float);
}

/* The block's queries: where they lie, unless they turn or belong to several heads. */
static struct rows query_rows(const struct attention_sizes *s, struct unit *u)
{
	int64_t h = u->kv * s->group + u->first_row / s->tq, i = u->first_row % s->tq;

	if (i + u->nr <= s->tq && s->rotation)
		return attention_turned(s, ATTENTION_Q, u->b, h, i, u->nr, u->copy, u->room);
	if (i + u->nr <= s->tq)
		return attention_rows(s, ATTENTION_Q, u->b, h, i, u->nr, u->copy);
	for (int64_t r = 0; r < u->nr; r++) {
		int64_t row = u->first_row + r;
		float *to = u->copy + r * s->wide_d / s->step;
		struct rows q;

		h = u->kv * s->group + row / s->tq;
		i = row % s->tq;
		q = s->rotation ? attention_turned(s, ATTENTION_Q, u->b, h, i, 1, to, u->room)
				: attention_rows(s, ATTENTION_Q, u->b, h, i, 1, to);
		if (q.data != to)
			memcpy(to, q.data, words(s, s->d) * sizeof(float));
	}
	return (struct rows){ .data = u->copy, .stride = s->wide_d / s->step };
}

/* Which keys do the rows see, and their queries as columns. */
static void load_queries(const struct attention_sizes *s, struct unit *u)
{
	struct rows q = query_rows(s, u);

	s->simd->transpose(q.data, q.stride, u->nr, words(s, s->d), u->query);
	for (int64_t r = 0; r < u->nr; r++) {
		struct span span = attention_span(s, u->b, (u->first_row + r) % s->tq);

		u->first[r] = span.first;
		u->last[r] = span.last;
	}
	for (int64_t r = u->nr; r < BLOCK; r++) {
		u->first[r] = INT32_MAX;
		u->last[r] = -1;
	}
	for (int64_t r = 0; r < BLOCK; r++) {
		u->base[r] = -INFINITY;
		u->sum[r] = 0;
	}
	for (int64_t g = 0; g < groups_of(u->nr); g++)
		u->sight[g] = sight_of(u->first + g * GROUP, u->last + g * GROUP, GROUP);
	memset(u->out, 0, u->nr * s->wide_dv * sizeof(float));
}

SIMD_CLONES static void scale_row(const float *from, float factor, float *to, int64_t n)
{
	for (int64_t e = 0; e < n; e++)
		to[e] = from[e] * factor;
}

SIMD_CLONES static void cap_scores(float *scores, float scale, float cap, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		scores[i] = cap * vm_tanhf(scores[i] * scale / cap);
}

static struct rows key_rows(const struct attention_sizes *s, struct unit *u, int64_t key,
			    int64_t nr)
{
	int64_t stride = s->wide_d / s->step;

	return s->rotation ? (struct rows){ .data = u->keys + key * stride, .stride = stride }
			   : attention_rows(s, ATTENTION_K, u->b, u->kv, key, nr, u->copy);
}

/* Scores (keys, rows) of the groups that meet. */
static void score_keys(const struct attention_sizes *s, struct unit *u, const struct reach *reach,
		       int64_t key, int64_t nr_keys)
{
	struct rows k = key_rows(s, u, key, nr_keys);

	for (int g = 0, end; g < reach->nr_keys; g = end) {
		const struct range rows = reach->queries[g];
		int64_t from = g * GROUP, to;

		end = run_end(reach->queries, g, reach->nr_keys);
		to = smaller((int64_t)end * GROUP, nr_keys);
		s->mm(&(struct mm){
			.m = to - from, .n = (rows.end - rows.first) * GROUP, .k = words(s, s->d),
			.a = k.data + from * k.stride, .a_row = k.stride, .a_col = 1,
			.b = u->query + rows.first * GROUP, .b_row = BLOCK,
			.c = u->scores + from * BLOCK + rows.first * GROUP, .c_row = BLOCK,
			.ahead = &u->ahead });
	}
	if (s->a->softcap)
		cap_scores(u->scores, s->scale, s->a->softcap, nr_keys * BLOCK);
}

static void shrink_out(struct unit *u, int64_t width)
{
	for (int64_t r = 0; r < u->nr; r++)
		if (u->shrink[r] != 1)
			scale_row(u->out + r * width, u->shrink[r], u->out + r * width, width);
}

/* The weights as the products take them. */
static const float *packed_weights(const struct attention_sizes *s, struct unit *u,
				   const struct reach *reach, int64_t nr_keys)
{
	if (s->step == 1)
		return u->scores;
	for (int g = 0; g < reach->nr_queries; g++) {
		int64_t from = reach->keys[g].first * GROUP;
		int64_t to = smaller((int64_t)reach->keys[g].end * GROUP, nr_keys);

		attention_pack(u->scores + from * BLOCK + g * GROUP, to - from,
			       u->packed + from / 2 * BLOCK + g * GROUP);
	}
	return u->packed;
}

/* out += weights times values */
static void add_values(const struct attention_sizes *s, struct unit *u, const struct reach *reach,
		       int64_t key, int64_t nr_keys)
{
	struct rows v = attention_rows(s, ATTENTION_V, u->b, u->kv, key, nr_keys, u->copy);
	const float *weights = packed_weights(s, u, reach, nr_keys);

	v = attention_pairs(s, v, nr_keys, s->wide_dv, u->pairs);
	for (int g = 0, end; g < reach->nr_queries; g = end) {
		int64_t from = reach->keys[g].first * GROUP, row = g * GROUP;
		int64_t to = smaller((int64_t)reach->keys[g].end * GROUP, nr_keys);

		end = run_end(reach->keys, g, reach->nr_queries);
		if (to <= from)
			continue;
		s->mm(&(struct mm){
			.m = smaller((int64_t)end * GROUP, u->nr) - row,
			.n = s->wide_dv, .k = words(s, to - from),
			.a = weights + from / s->step * BLOCK + row, .a_row = 1, .a_col = BLOCK,
			.b = v.data + from / s->step * v.stride, .b_row = v.stride,
			.c = u->out + row * s->wide_dv, .c_row = s->wide_dv, .add = true,
			.ahead = &u->ahead });
	}
}

/* Keys @key ... @key + @nr_keys: scores, weights, and weights times values. */
static void take_keys(const struct attention_sizes *s, struct unit *u, int64_t key,
		      int64_t nr_keys)
{
	struct reach reach;

	if (!reach_make(&reach, u->sight, (int)groups_of(u->nr), key, nr_keys))
		return;
	score_keys(s, u, &reach, key, nr_keys);
	s->simd->weigh(&(struct weigh){
		.scores = u->scores, .keys = reach.keys, .masked = reach.masked,
		.nr_groups = reach.nr_queries, .key = (int32_t)key, .nr_keys = (int32_t)nr_keys,
		.first = u->first, .last = u->last,
		.factor = (s->a->softcap ? 1 : s->scale) * (float)M_LOG2E,
		.base = u->base, .sum = u->sum, .shrink = u->shrink });
	shrink_out(u, s->wide_dv);
	add_values(s, u, &reach, key, nr_keys);
}

static void store_rows(const struct attention_sizes *s, const struct unit *u)
{
	for (int64_t r = 0; r < u->nr; r++) {
		int64_t row = u->first_row + r, i = row % s->tq;
		int64_t h = u->kv * s->group + row / s->tq;
		int64_t at = ((u->b * s->tq + i) * s->heads + h) * s->dv;
		float *lse = (float *)s->c->out_data[ATTENTION_LSE] +
			     (u->b * s->heads + h) * s->tq + i;

		if (u->last[r] < 0) {	/* sees no key */
			*lse = -INFINITY;
			attention_store(s->c, ATTENTION_O, at, u->out + r * s->wide_dv, 1, s->dv);
			continue;
		}
		*lse = u->base[r] * (float)M_LN2 + logf(u->sum[r]);
		attention_store(s->c, ATTENTION_O, at, u->out + r * s->wide_dv, 1 / u->sum[r],
				s->dv);
	}
}

static void run_block(const struct attention_sizes *s, struct unit *u, int64_t block)
{
	int64_t first = INT32_MAX, last = -1;

	u->first_row = block * BLOCK;
	u->nr = smaller(s->group * s->tq - u->first_row, BLOCK);
	load_queries(s, u);
	for (int64_t g = 0; g < groups_of(u->nr); g++) {
		first = smaller(first, u->sight[g].first);
		last = u->sight[g].last > last ? u->sight[g].last : last;
	}
	for (int64_t key = first / BLOCK * BLOCK; key <= last; key += BLOCK)
		take_keys(s, u, key, smaller(last + 1 - key, BLOCK));
	store_rows(s, u);
}

/*
 * While this pair's block is at work, the same block of the next pair comes from memory, and
 * what the block's result is written to.
 */
static void look_ahead(const struct attention_sizes *s, struct unit *u, int64_t pair,
		       int64_t block)
{
	int64_t b = (pair + 1) / s->kv_heads, kv = (pair + 1) % s->kv_heads, i = block * BLOCK;

	u->ahead = (struct mm_ahead){ 0 };
	if (b < s->batch) {
		attention_ahead(&u->ahead, s->c, ATTENTION_V, b, kv, i);
		attention_ahead(&u->ahead, s->c, ATTENTION_K, b, kv, i);
		for (int64_t h = kv * s->group; h < (kv + 1) * s->group; h++)
			attention_ahead(&u->ahead, s->c, ATTENTION_Q, b, h, i);
	}
	if (i < s->tq)
		attention_ahead_out(&u->ahead, s->c, ATTENTION_O,
				    ((u->b * s->tq + i) * s->heads + u->kv * s->group) * s->dv,
				    s->heads * s->dv, smaller(s->tq - i, BLOCK), s->dv);
}

/* Under a causal mask blocks take longer and longer: there and back evens that out. */
static void run_unit(const struct attention_sizes *s, int64_t unit, float *scratch)
{
	int64_t parts = nr_parts(s), pair = unit / parts, part = unit % parts;
	struct unit u;

	u.ahead.left = 0;
	u.b = pair / s->kv_heads;
	u.kv = pair % s->kv_heads;
	u.query = scratch;
	u.out = scratch + BLOCK * s->d;
	u.copy = scratch + BLOCK * (s->d + s->wide_dv);
	u.pairs = u.copy + BLOCK * wider(s);
	u.room = u.pairs + BLOCK / 2 * s->wide_dv;
	u.keys = u.room + attention_room(s);
	if (s->rotation)
		attention_turned(s, ATTENTION_K, u.b, u.kv, 0, s->tk, u.keys, u.room);
	for (int64_t turn = 0; turn * parts < nr_blocks(s); turn++) {
		int64_t block = turn * parts + (turn % 2 ? parts - 1 - part : part);

		if (block >= nr_blocks(s))
			continue;
		if (parts == 1)
			look_ahead(s, &u, pair, block);
		run_block(s, &u, block);
	}
}

static void attention_tile(void *ctx, long tile)
{
	const struct attention_sizes *s = ctx;

	for (int64_t unit = first_unit(nr_units(s), tile); unit < first_unit(nr_units(s), tile + 1);
	     unit++)
		run_unit(s, unit, (float *)s->c->scratch + attention_angles(s) +
				  tile * slot_floats(s));
}

static int attention_plain(const struct call *c)
{
	struct attention_sizes s = attention_sizes(c);
	struct rotation rotation;
	int ret = attention_check(&s);

	if (ret)
		return ret;
	attention_rotation(&s, &rotation);
	threads_run(NR_SLOTS, attention_tile, &s);
	return 0;
}
KERNEL_REGISTER_AS(attention_plain, attention, .arch = "cpu", .rank = 0,
		   .scratch = attention_scratch, .run = attention_plain);
