// SPDX-License-Identifier: MIT
#include "arch/cpu/loops.h"
#include "arch/cpu/map.h"

SIMD_CLONES static void mul_run(const void *arg, const float *a, const float *b, float *y,
				int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		y[i] = a[i] * b[i];
}

static int mul_plain(const struct call *c)
{
	return pairs_run(c, mul_run, NULL, 0, 1);
}
KERNEL_REGISTER_AS(mul_plain, mul, .arch = "cpu", .rank = 0, .run = mul_plain);
