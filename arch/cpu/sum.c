// SPDX-License-Identifier: MIT
#include "arch/cpu/loops.h"
#include "arch/cpu/reduce.h"

SIMD_CLONES static double sum_part(const void *data, int64_t n)
{
	const float *x = data;

	return LANES_SUM(n, i, x[i]);
}

static int sum_plain(const struct call *c)
{
	*(float *)c->out_data[0] = (float)reduce_run(c, sum_part);
	return 0;
}
KERNEL_REGISTER_AS(sum_plain, sum, .arch = "cpu", .rank = 0, .scratch = reduce_scratch,
		   .run = sum_plain);
