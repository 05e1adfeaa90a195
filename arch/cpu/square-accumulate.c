// SPDX-License-Identifier: MIT
#include "ops/accumulate.h"

#include "arch/cpu/accumulate.h"
#include "arch/cpu/loops.h"
#include "base/thread.h"

struct job {
	float *sum;
	const float *x;
	int64_t n;
	bool add;
};

SIMD_CLONES static void add_squares(float *sum, const float *x, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		sum[i] += x[i] * x[i];
}

SIMD_CLONES static void put_squares(float *sum, const float *x, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		sum[i] = x[i] * x[i];
}

static void square_tile(void *ctx, long tile)
{
	const struct job *job = ctx;
	int64_t at = (int64_t)tile * CHUNK, n = chunk_end(job->n, CHUNK, at) - at;

	if (job->add)
		add_squares(job->sum + at, job->x + at, n);
	else
		put_squares(job->sum + at, job->x + at, n);
}

static int square_accumulate_plain(const struct call *c)
{
	const struct accumulate_attr *a = c->attr;
	struct job job = {
		.sum = c->out_data[0],
		.x = c->in_data[1],
		.n = layout_count(&c->out[0]),
		.add = call_adds(c, 0, 2, a->always_add),
	};

	threads_run_shares(chunk_count(job.n, CHUNK), square_tile, &job);
	return 0;
}
KERNEL_REGISTER_AS(square_accumulate_plain, square_accumulate, .arch = "cpu", .rank = 0,
		   .run = square_accumulate_plain);
