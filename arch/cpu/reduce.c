// SPDX-License-Identifier: MIT
#include "arch/cpu/reduce.h"

#include "arch/cpu/loops.h"
#include "base/fail.h"
#include "base/thread.h"

#define TILE (16 * REDUCE_CHUNK)

struct reduction {
	const char *x;
	int64_t n;
	double (*part)(const void *x, int64_t n);
	double *parts;
};

size_t reduce_scratch(const struct call *maximal)
{
	return chunk_count(layout_count(&maximal->in[0]), REDUCE_CHUNK) * sizeof(double);
}

static void reduce_tile(void *ctx, long tile)
{
	const struct reduction *r = ctx;
	int64_t begin = tile * (int64_t)TILE, end = chunk_end(r->n, TILE, begin);

	for (; begin < end; begin += REDUCE_CHUNK)
		r->parts[begin / REDUCE_CHUNK] =
			r->part(r->x + 4 * begin, chunk_end(end, REDUCE_CHUNK, begin) - begin);
}

double reduce_run(const struct call *c, double (*part)(const void *x, int64_t n))
{
	struct reduction r = {
		.x = c->in_data[0],
		.n = layout_count(&c->in[0]),
		.part = part,
		.parts = c->scratch,
	};
	double sum = 0;

	BUG_ON(dtype_size(c->in[0].dtype) != 4);
	threads_run(chunk_count(r.n, TILE), reduce_tile, &r);
	for (long i = 0; i < chunk_count(r.n, REDUCE_CHUNK); i++)
		sum += r.parts[i];
	return sum;
}
