// SPDX-License-Identifier: MIT
#include "ops/pad-slice.h"

#include <string.h>

#include "arch/cpu/copy.h"
#include "arch/cpu/loops.h"
#include "base/thread.h"

/* The result as @outer blocks of @total bytes, of which [begin, end) are the input's. */
struct pad {
	char *to;
	int64_t outer, total, begin, end;
};

static void zero_tile(void *ctx, long tile)
{
	const struct pad *p = ctx;
	int64_t block = tile * rows_per_tile(p->total);
	int64_t end = chunk_end(p->outer, rows_per_tile(p->total), block);

	for (; block < end; block++) {
		char *to = p->to + block * p->total;

		memset(to, 0, p->begin);
		memset(to + p->end, 0, p->total - p->end);
	}
}

static int pad_slice_plain(const struct call *c)
{
	const struct slice_place *a = c->attr;
	struct layout part = c->out[0];
	int64_t step = part.stride[a->dim] * (int64_t)dtype_size(part.dtype);
	struct pad p = {
		.to = c->out_data[0],
		.outer = 1,
		.total = part.n[a->dim] * step,
		.begin = a->start * step,
		.end = (a->start + c->in[0].n[a->dim]) * step,
	};

	for (int d = 0; d < a->dim; d++)
		p.outer *= part.n[d];
	part.n[a->dim] = c->in[0].n[a->dim];
	threads_run(chunk_count(p.outer, rows_per_tile(p.total)), zero_tile, &p);
	copy_layout(p.to + p.begin, &part, c->in_data[0], &c->in[0]);
	return 0;
}
KERNEL_REGISTER_AS(pad_slice_plain, pad_slice, .arch = "cpu", .rank = 0,
		   .run = pad_slice_plain);
