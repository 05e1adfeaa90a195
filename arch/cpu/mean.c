// SPDX-License-Identifier: MIT
#include "arch/cpu/loops.h"
#include "arch/cpu/reduce.h"

SIMD_CLONES static double mean_part(const void *data, int64_t n)
{
	const float *x = data;

	return LANES_SUM(n, i, x[i]);
}

static int mean_plain(const struct call *c)
{
	*(float *)c->out_data[0] = (float)(reduce_run(c, mean_part) / layout_count(&c->in[0]));
	return 0;
}
KERNEL_REGISTER_AS(mean_plain, mean, .arch = "cpu", .rank = 0, .scratch = reduce_scratch,
		   .run = mean_plain);
