// SPDX-License-Identifier: MIT
#include "arch/cpu/loops.h"
#include "arch/cpu/reduce.h"

SIMD_CLONES static double sq_norm_part(const void *data, int64_t n)
{
	const float *x = data;

	return LANES_SUM(n, i, (double)x[i] * x[i]);
}

static int sq_norm_plain(const struct call *c)
{
	*(float *)c->out_data[0] = (float)reduce_run(c, sq_norm_part);
	return 0;
}
KERNEL_REGISTER_AS(sq_norm_plain, sq_norm, .arch = "cpu", .rank = 0, .scratch = reduce_scratch,
		   .run = sq_norm_plain);
