// SPDX-License-Identifier: MIT
/*
 * Gradient of attention, in blocks: the weights are computed again from lse.
 *
 * If there are enough (sequence, kv head) pairs to keep a machine busy, one tile does all
 * of a pair: five products for each pair of blocks.  Otherwise one pass computes dk and dv
 * over blocks of keys and another dq over blocks of queries: seven products, more tiles.
 * Both add in the same order, each sum is made by one tile, and which way is taken
 * depends on the shape only.
 */
#include <math.h>
#include <string.h>

#include "arch/cpu/attention-block.h"
#include "arch/cpu/mm.h"
#include "arch/cpu/simd.h"
#include "arch/cpu/vmath.h"
#include "base/thread.h"

#define ENOUGH_PAIRS 16

/* What a tile works on: one head's queries against one block of keys. */
struct pair {
	float weights[BLOCK * BLOCK];	/* (queries, keys): scores, then weights */
	float slopes[BLOCK * BLOCK];	/* (queries, keys): dw, then ds */
	struct span span[BLOCK];
	int64_t b, kv, h;
	int64_t query, nr_queries, key, nr_keys;
	const float *keys, *values;	/* (D, BLOCK) scaled, (Dv, BLOCK) */
	float *copy[2];			/* (BLOCK, D), see attention_rows() */
	bool want_dq, want_dkv;
};

struct work {
	struct attention_sizes s;
	float *delta;			/* (B, H, Tq): do . o */
	float *columns;			/* without enough pairs: all blocks' keys and values */
	float *slots;
};

static bool enough_pairs(const struct attention_sizes *s)
{
	return s->batch * s->kv_heads >= ENOUGH_PAIRS;
}

static int64_t columns_floats(const struct attention_sizes *s)
{
	return BLOCK * (s->d + s->dv);
}

static int64_t slot_floats(const struct attention_sizes *s)
{
	return columns_floats(s) + 2 * BLOCK * s->d;
}

/* A run may have fewer pairs than the plan's maximum and so need the other way's scratch. */
static size_t attention_grad_scratch(const struct call *c)
{
	struct attention_sizes s = attention_sizes(c);
	int64_t few = smaller(s.batch * s.kv_heads, ENOUGH_PAIRS - 1);
	int64_t floats = s.batch * s.heads * s.tq + NR_SLOTS * slot_floats(&s) +
			 few * blocks_of(s.tk) * columns_floats(&s);

	return floats * sizeof(float);
}

/* ---- one pair of blocks --------------------------------------------------------- */

/* Weights and the gradient of the scores for one query; constants choose the variant. */
static inline __attribute__((always_inline))
void one_query(struct pair *p, int64_t r, float lse, float delta, float scale, float cap,
	       bool capped, bool masked)
{
	float *w = p->weights + r * BLOCK, *ds = p->slopes + r * BLOCK;
	const int32_t first = p->span[r].first, last = p->span[r].last;
	const int32_t key = (int32_t)p->key;

	for (int32_t j = 0; j < BLOCK; j++) {
		float s = w[j], slope = scale, weight;

		if (capped) {
			float t = vm_tanhf(s / cap);

			s = cap * t;
			slope = scale * (1 - t * t);
		}
		weight = vm_expf(s - lse);
		if (masked)
			weight = ((key + j >= first) & (key + j <= last)) ? weight : 0;
		w[j] = weight;
		ds[j] = weight * (ds[j] - delta) * slope;
	}
}

SIMD_CLONES static void all_queries(struct pair *p, const float *lse, const float *delta,
				    float scale, float cap)
{
	for (int64_t r = 0; r < p->nr_queries; r++) {
		bool masked = p->span[r].first > p->key || p->span[r].last < p->key + BLOCK - 1;

		if (cap > 0)
			one_query(p, r, lse[r], delta[r], scale, cap, true, true);
		else if (masked)
			one_query(p, r, lse[r], delta[r], scale, cap, false, true);
		else
			one_query(p, r, lse[r], delta[r], scale, cap, false, false);
	}
}

/* Is any key of the block seen by any query of the block? */
static bool find_spans(const struct attention_sizes *s, struct pair *p)
{
	bool any = false;

	for (int64_t r = 0; r < p->nr_queries; r++) {
		p->span[r] = attention_span(s, p->b, p->query + r);
		any |= p->span[r].first < p->key + p->nr_keys && p->span[r].last >= p->key;
	}
	return any;
}

/* Where row (b, t, h) of a contiguous output begins. */
static float *out_row(const struct call *c, int o, int64_t b, int64_t t, int64_t h)
{
	const int64_t *n = c->out[o].n;

	return (float *)c->out_data[o] + ((b * n[1] + t) * n[2] + h) * n[3];
}

static int64_t out_stride(const struct call *c, int o)
{
	return c->out[o].n[2] * c->out[o].n[3];
}

/* dv += w^T do, dk += ds^T q */
static void add_dkv(const struct attention_sizes *s, struct pair *p, struct rows q,
		    struct rows grad)
{
	mm_run(&(struct mm){
		.m = p->nr_keys, .n = s->dv, .k = p->nr_queries,
		.a = p->weights, .a_row = 1, .a_col = BLOCK,
		.b = grad.data, .b_row = grad.stride,
		.c = out_row(s->c, ATTENTION_DV, p->b, p->key, p->kv),
		.c_row = out_stride(s->c, ATTENTION_DV), .add = true });
	mm_run(&(struct mm){
		.m = p->nr_keys, .n = s->d, .k = p->nr_queries,
		.a = p->slopes, .a_row = 1, .a_col = BLOCK,
		.b = q.data, .b_row = q.stride,
		.c = out_row(s->c, ATTENTION_DK, p->b, p->key, p->kv),
		.c_row = out_stride(s->c, ATTENTION_DK), .add = true });
}

/* dq += ds k */
static void add_dq(const struct attention_sizes *s, struct pair *p)
{
	struct rows k = attention_rows(s->c, ATTENTION_GRAD_K, p->b, p->kv, p->key, p->nr_keys,
				       p->copy[1]);

	mm_run(&(struct mm){
		.m = p->nr_queries, .n = s->d, .k = p->nr_keys,
		.a = p->slopes, .a_row = BLOCK, .a_col = 1,
		.b = k.data, .b_row = k.stride,
		.c = out_row(s->c, ATTENTION_DQ, p->b, p->query, p->h),
		.c_row = out_stride(s->c, ATTENTION_DQ), .add = true });
}

static void run_pair(const struct work *w, struct pair *p)
{
	const struct attention_sizes *s = &w->s;
	int64_t at = (p->b * s->heads + p->h) * s->tq + p->query;
	struct rows q, grad = attention_rows(s->c, ATTENTION_GRAD_DO, p->b, p->h, p->query,
					     p->nr_queries, NULL);

	if (!find_spans(s, p))
		return;
	q = attention_rows(s->c, ATTENTION_GRAD_Q, p->b, p->h, p->query, p->nr_queries,
			   p->copy[0]);
	mm_run(&(struct mm){
		.m = p->nr_queries, .n = BLOCK, .k = s->d,
		.a = q.data, .a_row = q.stride, .a_col = 1, .b = p->keys, .b_row = BLOCK,
		.c = p->weights, .c_row = BLOCK });
	mm_run(&(struct mm){
		.m = p->nr_queries, .n = BLOCK, .k = s->dv,
		.a = grad.data, .a_row = grad.stride, .a_col = 1, .b = p->values, .b_row = BLOCK,
		.c = p->slopes, .c_row = BLOCK });
	all_queries(p, (const float *)s->c->in_data[ATTENTION_GRAD_LSE] + at, w->delta + at,
		    s->scale, s->a->softcap);
	if (p->want_dkv)
		add_dkv(s, p, q, grad);
	if (p->want_dq)
		add_dq(s, p);
}

/* ---- tiles ------------------------------------------------------------------------ */

/* In 16 partial sums: the compiler may not reorder one sum by itself. */
SIMD_CLONES static double row_dot(const float *a, const float *b, int64_t n)
{
	float sum[16] = { 0 };
	double total = 0;
	int64_t i = 0;

	for (; i + 16 <= n; i += 16)
		for (int l = 0; l < 16; l++)
			sum[l] += a[i + l] * b[i + l];
	for (; i < n; i++)
		total += (double)a[i] * b[i];
	for (int l = 0; l < 16; l++)
		total += sum[l];
	return total;
}

/* delta of BLOCK tokens, all heads */
static void delta_tile(void *ctx, long tile)
{
	const struct work *w = ctx;
	const struct attention_sizes *s = &w->s;
	const float *o = s->c->in_data[ATTENTION_GRAD_O];
	const float *grad = s->c->in_data[ATTENTION_GRAD_DO];
	int64_t end = smaller((int64_t)(tile + 1) * BLOCK, s->batch * s->tq) * s->heads;

	for (int64_t row = (int64_t)tile * BLOCK * s->heads; row < end; row++) {
		int64_t b = row / s->heads / s->tq, i = row / s->heads % s->tq;

		w->delta[(b * s->heads + row % s->heads) * s->tq + i] =
			(float)row_dot(o + row * s->dv, grad + row * s->dv, s->dv);
	}
}

/* Keys, scaled, and values of a block as columns; the values lie behind the keys. */
static void load_columns(const struct attention_sizes *s, int64_t b, int64_t kv, int64_t key,
			 float *copy, float *to)
{
	int64_t nr = smaller(s->tk - key, BLOCK);
	struct rows from = attention_rows(s->c, ATTENTION_GRAD_K, b, kv, key, nr, copy);

	attention_transpose(from, nr, s->d, s->scale, to);
	/* Values are read where they lie: transposing takes any stride. */
	for (int64_t e = 0; e < s->dv; e++) {
		const struct layout *l = &s->c->in[ATTENTION_GRAD_V];
		const float *v = (const float *)s->c->in_data[ATTENTION_GRAD_V] +
				 b * l->stride[0] + key * l->stride[1] + kv * l->stride[2] +
				 e * l->stride[3];

		attention_transpose((struct rows){ v, l->stride[1] }, nr, 1, 1,
				    to + (s->d + e) * BLOCK);
	}
}

static void clear_rows(const struct call *c, int o, int64_t b, int64_t t, int64_t nr, int64_t h)
{
	for (int64_t r = 0; r < nr; r++)
		memset(out_row(c, o, b, t + r, h), 0, c->out[o].n[3] * sizeof(float));
}

/* All queries of the kv head's group against the block of keys that @p holds. */
static void all_pairs(const struct work *w, struct pair *p)
{
	for (p->h = p->kv * w->s.group; p->h < (p->kv + 1) * w->s.group; p->h++)
		for (p->query = 0; p->query < w->s.tq; p->query += BLOCK) {
			p->nr_queries = smaller(w->s.tq - p->query, BLOCK);
			run_pair(w, p);
		}
}

static void set_buffers(const struct work *w, struct pair *p, float *slot)
{
	p->keys = slot;
	p->values = slot + BLOCK * w->s.d;
	p->copy[0] = slot + columns_floats(&w->s);
	p->copy[1] = p->copy[0] + BLOCK * w->s.d;
}

/* A whole (sequence, kv head). */
static void whole_unit(const struct work *w, int64_t unit, float *slot)
{
	const struct attention_sizes *s = &w->s;
	struct pair p;

	p.b = unit / s->kv_heads;
	p.kv = unit % s->kv_heads;
	p.want_dq = p.want_dkv = true;
	set_buffers(w, &p, slot);
	for (int64_t h = p.kv * s->group; h < (p.kv + 1) * s->group; h++)
		clear_rows(s->c, ATTENTION_DQ, p.b, 0, s->tq, h);
	clear_rows(s->c, ATTENTION_DK, p.b, 0, s->tk, p.kv);
	clear_rows(s->c, ATTENTION_DV, p.b, 0, s->tk, p.kv);
	for (p.key = 0; p.key < s->tk; p.key += BLOCK) {
		p.nr_keys = smaller(s->tk - p.key, BLOCK);
		load_columns(s, p.b, p.kv, p.key, p.copy[0], slot);
		all_pairs(w, &p);
	}
}

static int64_t whole_units(const struct attention_sizes *s)
{
	return s->batch * s->kv_heads;
}

static int64_t key_units(const struct attention_sizes *s)
{
	return s->batch * s->kv_heads * blocks_of(s->tk);
}

static int64_t query_units(const struct attention_sizes *s)
{
	return s->batch * s->heads * blocks_of(s->tq);
}

/* A block of keys: its columns, dk and dv. */
static void key_unit(const struct work *w, int64_t unit, float *slot)
{
	const struct attention_sizes *s = &w->s;
	float *columns = w->columns + unit * columns_floats(s);
	struct pair p;

	set_buffers(w, &p, slot);
	p.key = unit % blocks_of(s->tk) * BLOCK;
	p.kv = unit / blocks_of(s->tk) % s->kv_heads;
	p.b = unit / blocks_of(s->tk) / s->kv_heads;
	p.nr_keys = smaller(s->tk - p.key, BLOCK);
	p.want_dq = false;
	p.want_dkv = true;
	p.keys = columns;
	p.values = columns + BLOCK * s->d;
	load_columns(s, p.b, p.kv, p.key, p.copy[0], columns);
	clear_rows(s->c, ATTENTION_DK, p.b, p.key, p.nr_keys, p.kv);
	clear_rows(s->c, ATTENTION_DV, p.b, p.key, p.nr_keys, p.kv);
	all_pairs(w, &p);
}

/* A block of queries: dq. */
static void query_unit(const struct work *w, int64_t unit, float *slot)
{
	const struct attention_sizes *s = &w->s;
	struct pair p;

	set_buffers(w, &p, slot);
	p.query = unit % blocks_of(s->tq) * BLOCK;
	p.h = unit / blocks_of(s->tq) % s->heads;
	p.b = unit / blocks_of(s->tq) / s->heads;
	p.kv = p.h / s->group;
	p.nr_queries = smaller(s->tq - p.query, BLOCK);
	p.want_dq = true;
	p.want_dkv = false;
	clear_rows(s->c, ATTENTION_DQ, p.b, p.query, p.nr_queries, p.h);
	for (p.key = 0; p.key < s->tk; p.key += BLOCK) {
		int64_t block = (p.b * s->kv_heads + p.kv) * blocks_of(s->tk) + p.key / BLOCK;

		p.nr_keys = smaller(s->tk - p.key, BLOCK);
		p.keys = w->columns + block * columns_floats(s);
		p.values = p.keys + BLOCK * s->d;
		run_pair(w, &p);
	}
}

static float *slot_of(const struct work *w, long tile)
{
	return w->slots + tile * slot_floats(&w->s);
}

static void whole_tile(void *ctx, long tile)
{
	const struct work *w = ctx;

	for (int64_t unit = tile; unit < whole_units(&w->s); unit += NR_SLOTS)
		whole_unit(w, unit, slot_of(w, tile));
}

static void key_tile(void *ctx, long tile)
{
	const struct work *w = ctx;

	for (int64_t unit = tile; unit < key_units(&w->s); unit += NR_SLOTS)
		key_unit(w, unit, slot_of(w, tile));
}

static void query_tile(void *ctx, long tile)
{
	const struct work *w = ctx;

	for (int64_t unit = tile; unit < query_units(&w->s); unit += NR_SLOTS)
		query_unit(w, unit, slot_of(w, tile));
}

static int attention_grad_plain(const struct call *c)
{
	struct work w = { .s = attention_sizes(c), .delta = c->scratch };
	int ret = attention_check(&w.s);

	if (ret)
		return ret;
	w.slots = w.delta + w.s.batch * w.s.heads * w.s.tq;
	w.columns = w.slots + NR_SLOTS * slot_floats(&w.s);
	threads_run(blocks_of(w.s.batch * w.s.tq), delta_tile, &w);
	if (enough_pairs(&w.s)) {
		threads_run(smaller(whole_units(&w.s), NR_SLOTS), whole_tile, &w);
		return 0;
	}
	threads_run(smaller(key_units(&w.s), NR_SLOTS), key_tile, &w);
	threads_run(smaller(query_units(&w.s), NR_SLOTS), query_tile, &w);
	return 0;
}
KERNEL_REGISTER_AS(attention_grad_plain, attention_grad, .arch = "cpu", .rank = 0,
		   .scratch = attention_grad_scratch, .run = attention_grad_plain);
