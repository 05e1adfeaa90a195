// SPDX-License-Identifier: MIT
#include "arch/cpu/loops.h"
#include "arch/cpu/reduce.h"

SIMD_CLONES static double sq_norm_part(const void *data, int64_t n)
{
	const float *x = data;
	int64_t half = n / 2;
	double last = n % 2 ? x[n - 1] : 0;

	/* Two squares for each addition to a lane: the next one has to wait for its sum. */
	return LANES_SUM(half, i, (double)x[i] * x[i] + (double)x[i + half] * x[i + half]) +
	       last * last;
}

static int sq_norm_plain(const struct call *c)
{
	*(float *)c->out_data[0] = (float)reduce_run(c, sq_norm_part);
	return 0;
}
KERNEL_REGISTER_AS(sq_norm_plain, sq_norm, .arch = "cpu", .rank = 0, .scratch = reduce_scratch,
		   .run = sq_norm_plain);
