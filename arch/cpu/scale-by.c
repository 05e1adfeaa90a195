// SPDX-License-Identifier: MIT
#include "arch/cpu/loops.h"
#include "arch/cpu/map.h"

SIMD_CLONES static void multiply(const float *x, float factor, float *y, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		y[i] = factor * x[i];
}

static void scale_by_chunk(const void *attr, const float *const *in, float *const *out,
			   int64_t n)
{
	multiply(in[0], *in[1], out[0], n);
}

static int scale_by_plain(const struct call *c)
{
	return map_run(c, scale_by_chunk);
}
KERNEL_REGISTER_AS(scale_by_plain, scale_by, .arch = "cpu", .rank = 0, .run = scale_by_plain);
