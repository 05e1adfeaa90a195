// SPDX-License-Identifier: MIT
#include "ops/accumulate.h"

#include <string.h>

#include "arch/cpu/accumulate.h"
#include "base/thread.h"

#define TILE 16384	/* elements */

struct job {
	float *to;
	const float *from;
	int64_t n;
	bool add;
};

static void accumulate_tile(void *ctx, long tile)
{
	const struct job *job = ctx;
	int64_t at = (int64_t)tile * TILE, n = job->n - at < TILE ? job->n - at : TILE;
	float *to = job->to + at;
	const float *from = job->from + at;

	if (!job->add)
		memcpy(to, from, n * sizeof(*to));
	for (int64_t i = 0; i < n && job->add; i++)
		to[i] += from[i];
}

static int accumulate_plain(const struct call *c)
{
	const struct accumulate_attr *a = c->attr;
	struct job job = {
		.to = c->out_data[0],
		.from = c->in_data[1],
		.n = layout_count(&c->out[0]),
		.add = call_adds(c, 0, 2, a->always_add),
	};

	threads_run_shares((long)((job.n + TILE - 1) / TILE), accumulate_tile, &job);
	return 0;
}
KERNEL_REGISTER_AS(accumulate_plain, accumulate, .arch = "cpu", .rank = 0,
		   .run = accumulate_plain);
