// SPDX-License-Identifier: MIT
#include "arch/cpu/loops.h"
#include "arch/cpu/reduce.h"

static double count_part(const void *data, int64_t n)
{
	const int32_t *target = data;
	int32_t count = 0;

	for (int64_t i = 0; i < n; i++)
		count += target[i] >= 0;
	return count;
}

static int count_valid_plain(const struct call *c)
{
	*(float *)c->out_data[0] = (float)reduce_run(c, count_part);
	return 0;
}
KERNEL_REGISTER_AS(count_valid_plain, count_valid, .arch = "cpu", .rank = 0,
		   .scratch = reduce_scratch, .run = count_valid_plain);
