// SPDX-License-Identifier: MIT
#include "arch/cpu/reduce.h"

#include "arch/cpu/convert.h"
#include "base/fail.h"
#include "base/thread.h"

#define TILE (16 * REDUCE_CHUNK)

struct reduction {
	const void *x;
	enum dtype type;
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

	for (; begin < end; begin += REDUCE_CHUNK) {
		int64_t n = chunk_end(end, REDUCE_CHUNK, begin) - begin;
		const void *x = data_at(r->x, r->type, begin);
		float wide[REDUCE_CHUNK];

		if (r->type == DT_BF16) {
			widen(x, r->type, wide, n);
			x = wide;
		}
		r->parts[begin / REDUCE_CHUNK] = r->part(x, n);
	}
}

double reduce_run(const struct call *c, double (*part)(const void *x, int64_t n))
{
	struct reduction r = {
		.x = c->in_data[0],
		.type = c->in[0].dtype,
		.n = layout_count(&c->in[0]),
		.part = part,
		.parts = c->scratch,
	};
	double sum = 0;

	BUG_ON(dtype_size(r.type) != 4 && r.type != DT_BF16);
	threads_run_shares(chunk_count(r.n, TILE), reduce_tile, &r);
	for (long i = 0; i < chunk_count(r.n, REDUCE_CHUNK); i++)
		sum += r.parts[i];
	return sum;
}
