// SPDX-License-Identifier: MIT
#include "arch/cpu/map.h"

#include "arch/cpu/convert.h"
#include "base/fail.h"
#include "base/thread.h"

#define MAX_PARTS 6	/* tensors of a call that are not f32 */

struct map {
	const struct call *c;
	map_fn fn;
	int64_t n;
	bool whole[MAX_IN];	/* the input is not cut into chunks */
	int nr_parts;		/* tensors to convert */
};

static bool is_float(const struct layout *l)
{
	return l->nd < 0 || l->dtype == DT_F32;
}

static void map_part(const struct map *m, int64_t begin, int64_t n)
{
	const struct call *c = m->c;
	float parts[MAX_PARTS][PART];
	const float *in[MAX_IN];
	float *out[MAX_OUT];
	int used = 0;

	for (int i = 0; i < c->nr_in; i++) {
		in[i] = c->in_data[i];
		if (in[i] && !m->whole[i])
			in[i] = is_float(&c->in[i]) ? in[i] + begin
			      : floats_at(in[i], c->in[i].dtype, begin, parts[used++], n);
	}
	for (int o = 0; o < c->nr_out; o++)
		out[o] = is_float(&c->out[o]) ? (float *)c->out_data[o] + begin : parts[used++];
	m->fn(c->attr, in, out, n);
	for (int o = 0; o < c->nr_out; o++)
		if (!is_float(&c->out[o]))
			narrow(out[o], c->out[o].dtype,
			       (void *)data_at(c->out_data[o], c->out[o].dtype, begin), n);
}

static void map_tile(void *ctx, long tile)
{
	const struct map *m = ctx;
	int64_t begin = tile * (int64_t)CHUNK, end = chunk_end(m->n, CHUNK, begin);
	int64_t step = m->nr_parts ? PART : CHUNK;

	for (; begin < end; begin += step)
		map_part(m, begin, chunk_end(end, step, begin) - begin);
}

int map_run(const struct call *c, map_fn fn)
{
	struct map m = { .c = c, .fn = fn, .n = layout_count(&c->out[0]) };

	for (int i = 0; i < c->nr_in; i++) {
		m.whole[i] = c->in_data[i] && layout_count(&c->in[i]) != m.n;
		BUG_ON(m.whole[i] && !is_float(&c->in[i]));
		m.nr_parts += !is_float(&c->in[i]);
	}
	for (int o = 0; o < c->nr_out; o++)
		m.nr_parts += !is_float(&c->out[o]);
	BUG_ON(m.nr_parts > MAX_PARTS);
	threads_run_shares(chunk_count(m.n, CHUNK), map_tile, &m);
	return 0;
}

/* ---- two operands ------------------------------------------------------------------ */

/* A short b is repeated into a buffer of this size, so that runs are worth a call. */
#define PATTERN 512

struct operand {
	const void *data;
	enum dtype type;
};

struct pairs {
	pair_fn fn;
	const void *arg;
	struct operand a, b, y;
	int64_t n, nb;
	int64_t longest;	/* of a run */
};

/* @b: floats for elements @at ... @at + @n - 1. */
static void run_pairs(const struct pairs *p, const float *b, int64_t at, int64_t n)
{
	float a_part[PART], y_part[PART];
	const float *a = p->a.data ? floats_at(p->a.data, p->a.type, at, a_part, n) : NULL;
	void *y = (void *)data_at(p->y.data, p->y.type, at);

	if (p->y.type == DT_F32) {
		p->fn(p->arg, a, b, y, n);
		return;
	}
	p->fn(p->arg, a, b, y_part, n);
	narrow(y_part, p->y.type, y, n);
}

static void pattern_tile(const struct pairs *p, int64_t begin, int64_t end)
{
	int64_t length = PATTERN / p->nb * p->nb;
	float part[PATTERN], pattern[PATTERN];
	const float *b = floats_at(p->b.data, p->b.type, 0, part, p->nb);

	for (int64_t i = 0, k = begin % p->nb; i < length; i++) {
		pattern[i] = b[k++];
		if (k == p->nb)
			k = 0;
	}
	for (int64_t at = begin; at < end; at += length)
		run_pairs(p, pattern, at, chunk_end(end, length, at) - at);
}

static void pairs_tile(void *ctx, long tile)
{
	const struct pairs *p = ctx;
	int64_t begin = tile * (int64_t)CHUNK, end = chunk_end(p->n, CHUNK, begin);
	float part[PART];

	if (p->nb <= PATTERN / 2 && p->nb < p->n) {
		pattern_tile(p, begin, end);
		return;
	}
	while (begin < end) {
		int64_t k = begin % p->nb, n = p->nb - k;

		if (n > end - begin)
			n = end - begin;
		if (n > p->longest)
			n = p->longest;
		run_pairs(p, floats_at(p->b.data, p->b.type, k, part, n), begin, n);
		begin += n;
	}
}

int pairs_run(const struct call *c, pair_fn fn, const void *arg, int a, int b)
{
	struct pairs p = {
		.fn = fn,
		.arg = arg,
		.a = { a < 0 ? NULL : c->in_data[a], a < 0 ? DT_F32 : c->in[a].dtype },
		.b = { c->in_data[b], c->in[b].dtype },
		.y = { c->out_data[0], c->out[0].dtype },
		.n = layout_count(&c->out[0]),
		.nb = layout_count(&c->in[b]),
	};
	bool floats = p.a.type == DT_F32 && p.b.type == DT_F32 && p.y.type == DT_F32;

	p.longest = floats ? CHUNK : PART;
	threads_run_shares(chunk_count(p.n, CHUNK), pairs_tile, &p);
	return 0;
}
