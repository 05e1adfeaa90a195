// SPDX-License-Identifier: MIT
#include "arch/cpu/loops.h"
#include "arch/cpu/map.h"

SIMD_CLONES static void add_run(const void *arg, const float *a, const float *b, float *y,
				int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		y[i] = a[i] + b[i];
}

static int add_plain(const struct call *c)
{
	return pairs_run(c, add_run, NULL, 0, 1);
}
KERNEL_REGISTER_AS(add_plain, add, .arch = "cpu", .rank = 0, .run = add_plain);
