// SPDX-License-Identifier: MIT
#include "ops/movement.h"

#include "arch/cpu/loops.h"
#include "base/thread.h"

struct job {
	float *sum;
	const float *w, *grad;
	int64_t n;
};

SIMD_CLONES static void take(float *sum, const float *w, const float *grad, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		sum[i] -= w[i] * grad[i];
}

static void movement_tile(void *ctx, long tile)
{
	const struct job *job = ctx;
	int64_t at = (int64_t)tile * CHUNK, n = chunk_end(job->n, CHUNK, at) - at;

	take(job->sum + at, job->w + at, job->grad + at, n);
}

static int movement_plain(const struct call *c)
{
	struct job job = { c->out_data[0], c->in_data[1], c->in_data[2],
			   layout_count(&c->out[0]) };

	threads_run(chunk_count(job.n, CHUNK), movement_tile, &job);
	return 0;
}
KERNEL_REGISTER_AS(movement_plain, movement, .arch = "cpu", .rank = 0, .run = movement_plain);
