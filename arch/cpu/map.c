// SPDX-License-Identifier: MIT
#include "arch/cpu/map.h"

#include "arch/cpu/loops.h"
#include "base/thread.h"

struct map {
	const struct call *c;
	map_fn fn;
	int64_t n;
	bool whole[MAX_IN];	/* the input is not cut into chunks */
};

static void map_tile(void *ctx, long tile)
{
	const struct map *m = ctx;
	const struct call *c = m->c;
	int64_t begin = tile * (int64_t)CHUNK;
	const float *in[MAX_IN];
	float *out[MAX_OUT];

	for (int i = 0; i < c->nr_in; i++) {
		in[i] = c->in_data[i];
		if (in[i] && !m->whole[i])
			in[i] += begin;
	}
	for (int o = 0; o < c->nr_out; o++)
		out[o] = (float *)c->out_data[o] + begin;
	m->fn(c->attr, in, out, chunk_end(m->n, CHUNK, begin) - begin);
}

int map_run(const struct call *c, map_fn fn)
{
	struct map m = { .c = c, .fn = fn, .n = layout_count(&c->out[0]) };

	for (int i = 0; i < c->nr_in; i++)
		m.whole[i] = layout_count(&c->in[i]) != m.n;
	threads_run(chunk_count(m.n, CHUNK), map_tile, &m);
	return 0;
}

/* A short b is repeated into a buffer of this size, so that runs are worth a call. */
#define PATTERN 512

struct pairs {
	pair_fn fn;
	const void *arg;
	const float *a, *b;
	float *y;
	int64_t n, nb;
};

static void run_pairs(const struct pairs *p, const float *b, int64_t at, int64_t n)
{
	p->fn(p->arg, p->a ? p->a + at : NULL, b, p->y + at, n);
}

static void pattern_tile(const struct pairs *p, int64_t begin, int64_t end)
{
	int64_t length = PATTERN / p->nb * p->nb;
	float pattern[PATTERN];

	for (int64_t i = 0, k = begin % p->nb; i < length; i++) {
		pattern[i] = p->b[k++];
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

	if (p->nb <= PATTERN / 2 && p->nb < p->n) {
		pattern_tile(p, begin, end);
		return;
	}
	while (begin < end) {
		int64_t k = begin % p->nb, n = p->nb - k;

		if (n > end - begin)
			n = end - begin;
		run_pairs(p, p->b + k, begin, n);
		begin += n;
	}
}

void pairs_run(pair_fn fn, const void *arg, const float *a, const float *b, float *y,
	       int64_t n, int64_t nb)
{
	struct pairs p = { fn, arg, a, b, y, n, nb };

	threads_run(chunk_count(n, CHUNK), pairs_tile, &p);
}
