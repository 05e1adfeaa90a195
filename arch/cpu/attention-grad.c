// SPDX-License-Identifier: MIT
/*
 * Gradient of attention, in blocks: the weights are computed again from lse.
 *
 * A unit is some of the blocks of keys of one (sequence, kv head); it meets all blocks of
 * queries of the heads that share it and makes five products for each.  dk and dv of a
 * block are complete after that; dq is summed over blocks of keys, by each unit for itself
 * where a pair has several, and then over units in their order.  How many units there are
 * depends on the shape only.
 */
#include <math.h>
#include <string.h>

#include "arch/cpu/attention-block.h"
#include "arch/cpu/loops.h"
#include "arch/cpu/simd.h"
#include "arch/cpu/vmath.h"
#include "base/thread.h"

#define ENOUGH_UNITS 24

struct work {
	struct attention_sizes s;
	int64_t parts;			/* units of a pair */
	float *dq;			/* dq without the scale, see unit.dq */
	float *slots;
};

/* A unit's memory, and the blocks that it is at. */
struct unit {
	_Alignas(64) float weights[BLOCK * BLOCK];	/* (queries, keys): scores, then weights */
	float slopes[BLOCK * BLOCK];	/* (queries, keys): dw, then ds */
	float bend[BLOCK * BLOCK];	/* (queries, keys): the softcap's derivative */
	/* Where words are pairs of bf16: (pairs of queries, keys), (queries, pairs of keys). */
	_Alignas(64) float packed[2][BLOCK / 2 * BLOCK], halves[BLOCK * BLOCK / 2];
	int64_t b, kv, h, part;
	int64_t query, nr_queries, key, nr_keys;
	float *room, *queries;		/* if q and k turn: for turning, (group, Tq, wide D) */
	float *keys, *values;		/* (D, BLOCK), (Dv, BLOCK) */
	float *dk, *dv;			/* (BLOCK, wide D), (BLOCK, wide Dv) */
	float *dq;			/* (group, Tq, wide D) of the slot, or of the part */
	float *copy[3];			/* (BLOCK, wide D or Dv), see attention_rows() */
	float *pairs[3];		/* (BLOCK / 2, wide D or Dv), see attention_pairs() */
	float *base, *delta;		/* (group, Tq) lse in powers of two; do . o */
	int32_t *first, *last;		/* (Tq) what a query sees */
	struct sight *sight;		/* (groups of Tq) */
	struct rows k;
	struct mm_ahead ahead;
};

static int64_t pairs_of(const struct attention_sizes *s)
{
	return s->batch * s->kv_heads;
}

static int64_t nr_parts(const struct attention_sizes *s)
{
	int64_t parts = 1;

	while (parts * pairs_of(s) < ENOUGH_UNITS && parts < blocks_of(s->tk))
		parts++;
	return parts;
}

/* dq of a unit */
static int64_t dq_floats(const struct attention_sizes *s)
{
	return s->group * s->tq * s->wide_d;
}

static int64_t sight_floats(const struct attention_sizes *s)
{
	return groups_of(s->tq) * (int64_t)(sizeof(struct sight) / sizeof(float));
}

/* Queries that were turned */
static int64_t turned_floats(const struct attention_sizes *s)
{
	return s->a->rope.base ? dq_floats(s) / s->step : 0;
}

static int64_t slot_floats(const struct attention_sizes *s)
{
	return wide(attention_room(s) + turned_floats(s) +
		    BLOCK * (6 * s->wide_d + 3 * s->wide_dv) + BLOCK / 2 * s->wide_dv +
		    s->tq * (2 * s->group + 2) +
		    sight_floats(s));
}

/*
 * With several units for a pair each has its dq until all are summed; otherwise each slot
 * needs one.  A run may have fewer pairs than the plan's maximum, and so more parts, but
 * never 2 ENOUGH_UNITS units or more than there are blocks.
 */
static size_t attention_grad_scratch(const struct call *c)
{
	struct attention_sizes s = attention_sizes(c);
	int64_t units = smaller(pairs_of(&s) * blocks_of(s.tk), 2 * ENOUGH_UNITS);

	if (units < NR_SLOTS)
		units = NR_SLOTS;
	return (attention_angles(&s) + units * dq_floats(&s) + NR_SLOTS * slot_floats(&s)) *
	       sizeof(float);
}

/* ---- one pair of blocks --------------------------------------------------------- */

/* Capped scores in units of the cap's input, and by how much the cap bends. */
SIMD_CLONES static void cap_scores(float *scores, float *bend, float scale, float cap,
				   int64_t count)
{
	for (int64_t i = 0; i < count; i++) {
		float t = vm_tanhf(scores[i] * scale / cap);

		scores[i] = cap * t;
		bend[i] = 1 - t * t;
	}
}

SIMD_CLONES static void bend_slopes(float *slopes, const float *bend, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		slopes[i] *= bend[i];
}

/* Scores q k^T and the gradient of weights do v^T, where queries and keys meet. */
static void score_pair(const struct attention_sizes *s, struct unit *u, const struct reach *reach,
		       struct rows q, struct rows grad)
{
	for (int g = 0, end; g < reach->nr_queries; g = end) {
		const struct range keys = reach->both[g];
		int64_t row = g * GROUP, column = keys.first * GROUP;
		struct mm mm = {
			.n = (keys.end - keys.first) * GROUP, .k = words(s, s->d),
			.a = q.data + row * q.stride, .a_row = q.stride, .a_col = 1,
			.b = u->keys + column, .b_row = BLOCK,
			.c = u->weights + row * BLOCK + column, .c_row = BLOCK,
			.ahead = &u->ahead };

		end = run_end(reach->both, g, reach->nr_queries);
		mm.m = smaller((int64_t)end * GROUP, u->nr_queries) - row;
		s->mm(&mm);
		mm.k = words(s, s->dv);
		mm.a = grad.data + row * grad.stride;
		mm.a_row = grad.stride;
		mm.b = u->values + column;
		mm.c = u->slopes + row * BLOCK + column;
		s->mm(&mm);
	}
}

/* Scores to weights, and the gradient of weights to that of scores. */
static void slope_pair(const struct attention_sizes *s, struct unit *u, const struct reach *reach)
{
	int64_t count = u->nr_queries * BLOCK, at = u->h % s->group * s->tq + u->query;

	if (s->a->softcap)
		cap_scores(u->weights, u->bend, s->scale, s->a->softcap, count);
	for (int g = 0; g < reach->nr_queries; g++) {
		int64_t row = g * GROUP;

		s->simd->slopes(&(struct slopes){
			.weights = u->weights + row * BLOCK, .slopes = u->slopes + row * BLOCK,
			.nr_queries = smaller(GROUP, u->nr_queries - row),
			.keys = reach->both[g], .masked = reach->masked[g],
			.key = (int32_t)u->key,
			.first = u->first + u->query + row, .last = u->last + u->query + row,
			.factor = (s->a->softcap ? 1 : s->scale) * (float)M_LOG2E,
			.base = u->base + at + row, .delta = u->delta + at + row });
	}
	if (s->a->softcap)
		bend_slopes(u->slopes, u->bend, count);
}

/* Weights and slopes as the products take them. */
static void pack_pair(const struct attention_sizes *s, struct unit *u, const struct reach *reach)
{
	for (int g = 0; g < reach->nr_keys; g++) {
		int64_t row = reach->queries[g].first * GROUP, column = g * GROUP;
		int64_t nr = smaller((int64_t)reach->queries[g].end * GROUP, u->nr_queries) - row;
		int64_t from = row * BLOCK + column, to = row / 2 * BLOCK + column;

		attention_pack(u->weights + from, nr, u->packed[0] + to);
		attention_pack(u->slopes + from, nr, u->packed[1] + to);
	}
	for (int64_t r = 0; r < u->nr_queries; r++) {
		const struct range keys = reach->keys[r / GROUP];
		int64_t at = r * BLOCK + keys.first * GROUP;

		attention_halve(u->slopes + at, (keys.end - keys.first) * GROUP,
				(uint16_t *)u->halves + at);
	}
}

/* dv += w^T do, dk += ds^T q */
static void add_dkv(const struct attention_sizes *s, struct unit *u, const struct reach *reach,
		    struct rows q, struct rows grad)
{
	const float *weights = s->step == 1 ? u->weights : u->packed[0];
	const float *slopes = s->step == 1 ? u->slopes : u->packed[1];

	for (int g = 0, end; g < reach->nr_keys; g = end) {
		int64_t column = g * GROUP, row = reach->queries[g].first * GROUP;
		int64_t last = smaller((int64_t)reach->queries[g].end * GROUP, u->nr_queries);
		int64_t word = row / s->step;
		struct mm mm = {
			.n = s->wide_dv, .k = words(s, last - row),
			.a = weights + word * BLOCK + column, .a_row = 1, .a_col = BLOCK,
			.b = grad.data + word * grad.stride, .b_row = grad.stride,
			.c = u->dv + column * s->wide_dv, .c_row = s->wide_dv, .add = true,
			.ahead = &u->ahead };

		end = run_end(reach->queries, g, reach->nr_keys);
		if (last <= row)
			continue;
		mm.m = smaller((int64_t)end * GROUP, u->nr_keys) - column;
		s->mm(&mm);
		mm.n = s->wide_d;
		mm.a = slopes + word * BLOCK + column;
		mm.b = q.data + word * q.stride;
		mm.b_row = q.stride;
		mm.c = u->dk + column * s->wide_d;
		mm.c_row = s->wide_d;
		s->mm(&mm);
	}
}

/* dq += ds k */
static void add_dq(const struct attention_sizes *s, struct unit *u, const struct reach *reach)
{
	float *dq = u->dq + (u->h % s->group * s->tq + u->query) * s->wide_d;
	const float *slopes = s->step == 1 ? u->slopes : u->halves;
	int64_t stride = BLOCK / s->step;

	for (int g = 0, end; g < reach->nr_queries; g = end) {
		int64_t column = reach->keys[g].first * GROUP, row = g * GROUP;
		int64_t last = smaller((int64_t)reach->keys[g].end * GROUP, u->nr_keys);

		end = run_end(reach->keys, g, reach->nr_queries);
		if (last <= column)
			continue;
		s->mm(&(struct mm){
			.m = smaller((int64_t)end * GROUP, u->nr_queries) - row,
			.n = s->wide_d, .k = words(s, last - column),
			.a = slopes + row * stride + column / s->step,
			.a_row = stride, .a_col = 1,
			.b = u->k.data + column / s->step * u->k.stride, .b_row = u->k.stride,
			.c = dq + row * s->wide_d, .c_row = s->wide_d, .add = true,
			.ahead = &u->ahead });
	}
}

static struct rows query_rows(const struct attention_sizes *s, struct unit *u)
{
	int64_t stride = s->wide_d / s->step, row = u->h % s->group * s->tq + u->query;

	return s->rotation ? (struct rows){ .data = u->queries + row * stride, .stride = stride }
			   : attention_rows(s, ATTENTION_GRAD_Q, u->b, u->h, u->query,
					    u->nr_queries, u->copy[0]);
}

static void run_pair(const struct attention_sizes *s, struct unit *u)
{
	struct reach reach;
	struct rows q, grad;

	if (!reach_make(&reach, u->sight + u->query / GROUP, (int)groups_of(u->nr_queries), u->key,
			u->nr_keys))
		return;
	q = query_rows(s, u);
	grad = attention_rows(s, ATTENTION_GRAD_DO, u->b, u->h, u->query, u->nr_queries,
			      u->copy[1]);
	score_pair(s, u, &reach, q, grad);
	slope_pair(s, u, &reach);
	if (s->step > 1)
		pack_pair(s, u, &reach);
	q = attention_pairs(s, q, u->nr_queries, s->wide_d, u->pairs[0]);
	grad = attention_pairs(s, grad, u->nr_queries, s->wide_dv, u->pairs[1]);
	add_dkv(s, u, &reach, q, grad);
	add_dq(s, u, &reach);
}

/* ---- units ------------------------------------------------------------------------ */

/* In 16 partial sums: the compiler may not reorder one sum by itself. */
SIMD_CLONES static double row_dot(const float *a, const float *b, int64_t n)
{
	float sum[16] = { 0 };
	double lane[16], total = 0;
	int64_t i = 0;

	for (; i + 16 <= n; i += 16)
		for (int l = 0; l < 16; l++)
			sum[l] += a[i + l] * b[i + l];
	for (; i < n; i++)
		total += (double)a[i] * b[i];
	for (int l = 0; l < 16; l++)
		lane[l] = sum[l];
	return total + lanes_fold_(lane);
}

/* lse and do . o of a head, and its queries if they turn */
static void load_head(const struct attention_sizes *s, struct unit *u, int64_t h)
{
	const float *lse = (const float *)s->c->in_data[ATTENTION_GRAD_LSE] +
			   (u->b * s->heads + h) * s->tq;
	float *base = u->base + h % s->group * s->tq, *delta = u->delta + h % s->group * s->tq;
	int64_t turned = h % s->group * s->tq * (s->wide_d / s->step);

	if (s->rotation)
		attention_turned(s, ATTENTION_GRAD_Q, u->b, h, 0, s->tq, u->queries + turned,
				 u->room);
	for (int64_t i = 0; i < s->tq; i++) {
		struct rows o = attention_floats(s->c, ATTENTION_GRAD_O, u->b, h, i, 1, u->copy[0]);
		struct rows grad = attention_floats(s->c, ATTENTION_GRAD_DO, u->b, h, i, 1,
						  u->copy[1]);

		base[i] = lse[i] * (float)M_LOG2E;
		delta[i] = (float)row_dot(o.data, grad.data, s->dv);
	}
}

/* What the queries of the sequence see, and what a unit needs of each head. */
static void begin_unit(const struct attention_sizes *s, struct unit *u)
{
	for (int64_t i = 0; i < s->tq; i++) {
		struct span span = attention_span(s, u->b, i);

		u->first[i] = span.first;
		u->last[i] = span.last;
	}
	for (int64_t g = 0; g < groups_of(s->tq); g++)
		u->sight[g] = sight_of(u->first + g * GROUP, u->last + g * GROUP,
				       smaller(GROUP, s->tq - g * GROUP));
	for (int64_t h = u->kv * s->group; h < (u->kv + 1) * s->group; h++)
		load_head(s, u, h);
	memset(u->dq, 0, dq_floats(s) * sizeof(float));
}

/* Where a token's gradient of input @in begins in output @o; tokens are @row apart. */
struct place {
	int o;
	int64_t at, row;
};

static struct place place_of(const struct call *c, int in)
{
	const struct layout *l = c->in;
	struct place p = { 0, 0, c->out[0].n[2] };

	if (c->nr_out > 1)
		return (struct place){ in, 0, l[in].n[2] * l[in].n[3] };
	for (int i = 0; i < in; i++)
		p.at += l[i].n[2] * l[i].n[3];
	return p;
}

/*
 * The gradient of rows @first ... @first + @nr of head @h of input @in, times @factor.
 * @room: attention_room(); NULL: these rows do not turn
 */
static void store_rows(const struct attention_sizes *s, int in, int64_t b, int64_t h,
		       int64_t first, int64_t nr, const float *from, float factor, float *room)
{
	const struct place p = place_of(s->c, in);
	const int64_t *n = s->c->in[in].n;
	const int32_t *positions = s->c->in_data[ATTENTION_POSITIONS];
	int64_t at = p.at + (b * n[1] + first) * p.row + h * n[3];

	for (int64_t r = 0; r < nr; r++, at += p.row, from += wide(n[3])) {
		if (s->rotation && room)
			attention_store_back(s, p.o, at, from, factor,
					     positions[b * s->tq + first + r], room);
		else
			attention_store(s->c, p.o, at, from, factor, n[3]);
	}
}

/* A block of keys: with all queries of the kv head's group. */
static void run_keys(const struct attention_sizes *s, struct unit *u)
{
	struct rows v;

	u->nr_keys = smaller(s->tk - u->key, BLOCK);
	v = attention_rows(s, ATTENTION_GRAD_V, u->b, u->kv, u->key, u->nr_keys, u->copy[1]);
	u->k = s->rotation ? attention_turned(s, ATTENTION_GRAD_K, u->b, u->kv, u->key,
					      u->nr_keys, u->copy[2], u->room)
			   : attention_rows(s, ATTENTION_GRAD_K, u->b, u->kv, u->key, u->nr_keys,
					    u->copy[2]);
	s->simd->transpose(v.data, v.stride, u->nr_keys, words(s, s->dv), u->values);
	s->simd->transpose(u->k.data, u->k.stride, u->nr_keys, words(s, s->d), u->keys);
	u->k = attention_pairs(s, u->k, u->nr_keys, s->wide_d, u->pairs[2]);
	memset(u->dk, 0, u->nr_keys * s->wide_d * sizeof(float));
	memset(u->dv, 0, u->nr_keys * s->wide_dv * sizeof(float));
	for (u->h = u->kv * s->group; u->h < (u->kv + 1) * s->group; u->h++)
		for (u->query = 0; u->query < s->tq; u->query += BLOCK) {
			u->nr_queries = smaller(s->tq - u->query, BLOCK);
			run_pair(s, u);
		}
	store_rows(s, ATTENTION_GRAD_K, u->b, u->kv, u->key, u->nr_keys, u->dk, s->scale, u->room);
	store_rows(s, ATTENTION_GRAD_V, u->b, u->kv, u->key, u->nr_keys, u->dv, 1, NULL);
}

static void set_memory(const struct attention_sizes *s, struct unit *u, float *slot)
{
	u->room = slot;
	u->queries = u->room + attention_room(s);
	u->keys = u->queries + turned_floats(s);
	u->values = u->keys + BLOCK * s->wide_d;
	u->dk = u->values + BLOCK * s->wide_dv;
	u->dv = u->dk + BLOCK * s->wide_d;
	u->copy[0] = u->dv + BLOCK * s->wide_dv;
	u->copy[1] = u->copy[0] + BLOCK * s->wide_d;
	u->copy[2] = u->copy[1] + BLOCK * s->wide_dv;
	u->pairs[0] = u->copy[2] + BLOCK * s->wide_d;
	u->pairs[1] = u->pairs[0] + BLOCK / 2 * s->wide_d;
	u->pairs[2] = u->pairs[1] + BLOCK / 2 * s->wide_dv;
	u->base = u->pairs[2] + BLOCK / 2 * s->wide_d;
	u->delta = u->base + s->group * s->tq;
	u->first = (int32_t *)(u->delta + s->group * s->tq);
	u->last = u->first + s->tq;
	u->sight = (struct sight *)(u->last + s->tq);
}

/*
 * While this pair's block is at work, the same block of the next pair comes from memory, and
 * what the results of this one are written to.
 */
static void look_ahead(const struct attention_sizes *s, struct unit *u, int64_t pair)
{
	int64_t b = (pair + 1) / s->kv_heads, kv = (pair + 1) % s->kv_heads, i = u->key;

	u->ahead = (struct mm_ahead){ 0 };
	if (b < s->batch) {
		attention_ahead(&u->ahead, s->c, ATTENTION_GRAD_V, b, kv, i);
		attention_ahead(&u->ahead, s->c, ATTENTION_GRAD_K, b, kv, i);
		for (int64_t h = kv * s->group; h < (kv + 1) * s->group; h++) {
			attention_ahead(&u->ahead, s->c, ATTENTION_GRAD_Q, b, h, i);
			attention_ahead(&u->ahead, s->c, ATTENTION_GRAD_DO, b, h, i);
			attention_ahead(&u->ahead, s->c, ATTENTION_GRAD_O, b, h, i);
		}
	}
	for (int in = ATTENTION_GRAD_Q; in <= ATTENTION_GRAD_V; in++) {
		const struct place p = place_of(s->c, in);
		const int64_t *n = s->c->in[in].n;
		int64_t head = in == ATTENTION_GRAD_Q ? u->kv * s->group : u->kv;

		attention_ahead_out(&u->ahead, s->c, p.o,
				    p.at + (u->b * n[1] + i) * p.row + head * n[3], p.row,
				    smaller(n[1] - i, BLOCK), n[3]);
	}
}

/* Under a causal mask blocks take less and less: there and back evens that out. */
static void run_unit(const struct work *w, int64_t unit, long tile)
{
	const struct attention_sizes *s = &w->s;
	struct unit u;

	u.part = unit % w->parts;
	u.kv = unit / w->parts % s->kv_heads;
	u.b = unit / w->parts / s->kv_heads;
	u.dq = w->dq + (w->parts > 1 ? unit : tile) * dq_floats(s);
	set_memory(s, &u, w->slots + tile * slot_floats(s));
	u.ahead.left = 0;
	begin_unit(s, &u);
	for (int64_t turn = 0; turn * w->parts < blocks_of(s->tk); turn++) {
		u.key = turn * w->parts + (turn % 2 ? w->parts - 1 - u.part : u.part);
		u.key *= BLOCK;
		if (u.key >= s->tk)
			continue;
		if (w->parts == 1)
			look_ahead(s, &u, unit);
		run_keys(s, &u);
	}
	for (int64_t h = 0; h < s->group && w->parts == 1; h++)
		store_rows(s, ATTENTION_GRAD_Q, u.b, u.kv * s->group + h, 0, s->tq,
			   u.dq + h * s->tq * s->wide_d, s->scale, u.room);
}

static void unit_tile(void *ctx, long tile)
{
	const struct work *w = ctx;

	int64_t nr = pairs_of(&w->s) * w->parts;

	for (int64_t unit = first_unit(nr, tile); unit < first_unit(nr, tile + 1); unit++)
		run_unit(w, unit, tile);
}

SIMD_CLONES static void add_row(const float *from, float *to, int64_t n)
{
	for (int64_t e = 0; e < n; e++)
		to[e] += from[e];
}

/* Block @block of all heads' queries: dq is the sum over parts. */
static void sum_dq(const struct work *w, int64_t block, float *room)
{
	const struct attention_sizes *s = &w->s;
	int64_t query = block % blocks_of(s->tq) * BLOCK, head = block / blocks_of(s->tq);
	int64_t b = head / s->heads, h = head % s->heads, nr = smaller(s->tq - query, BLOCK);
	int64_t unit = (b * s->kv_heads + h / s->group) * w->parts;
	int64_t at = (h % s->group * s->tq + query) * s->wide_d;
	float *sum = w->dq + unit * dq_floats(s) + at;

	for (int64_t part = 1; part < w->parts; part++)
		add_row(w->dq + (unit + part) * dq_floats(s) + at, sum, nr * s->wide_d);
	store_rows(s, ATTENTION_GRAD_Q, b, h, query, nr, sum, s->scale, room);
}

static void dq_tile(void *ctx, long tile)
{
	const struct work *w = ctx;
	int64_t nr = w->s.batch * w->s.heads * blocks_of(w->s.tq);

	for (int64_t i = first_unit(nr, tile); i < first_unit(nr, tile + 1); i++)
		sum_dq(w, i, w->slots + tile * slot_floats(&w->s));
}

static int attention_grad_plain(const struct call *c)
{
	struct work w = { .s = attention_sizes(c) };
	struct rotation rotation;
	int ret = attention_check(&w.s);

	if (ret)
		return ret;
	w.parts = nr_parts(&w.s);
	w.slots = (float *)c->scratch + attention_angles(&w.s);
	w.dq = w.slots + NR_SLOTS * slot_floats(&w.s);
	attention_rotation(&w.s, &rotation);
	threads_run(NR_SLOTS, unit_tile, &w);
	if (w.parts > 1)
		threads_run(NR_SLOTS, dq_tile, &w);
	return 0;
}
KERNEL_REGISTER_AS(attention_grad_plain, attention_grad, .arch = "cpu", .rank = 0,
		   .scratch = attention_grad_scratch, .run = attention_grad_plain);
KERNEL_REGISTER_AS(attention_grad_packed_plain, attention_grad_packed, .arch = "cpu", .rank = 0,
		   .scratch = attention_grad_scratch, .run = attention_grad_plain);
