// SPDX-License-Identifier: MIT
#include "ops/gelu.h"

#include "arch/cpu/activation.h"
#include "arch/cpu/map.h"

SIMD_CLONES static void by_tanh(const float *x, float *y, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		y[i] = act_gelu(x[i]);
}

SIMD_CLONES static void exact(const float *x, float *y, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		y[i] = act_gelu_exact(x[i]);
}

static void gelu_chunk(const void *attr, const float *const *in, float *const *out, int64_t n)
{
	const struct gelu_attr *a = attr;

	(a->exact ? exact : by_tanh)(in[0], out[0], n);
}

static int gelu_plain(const struct call *c)
{
	return map_run(c, gelu_chunk);
}
KERNEL_REGISTER_AS(gelu_plain, gelu, .arch = "cpu", .rank = 0, .run = gelu_plain);

SIMD_CLONES static void by_tanh_grad(const float *dy, const float *x, float *dx, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		dx[i] = dy[i] * act_gelu_slope(x[i]);
}

SIMD_CLONES static void exact_grad(const float *dy, const float *x, float *dx, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		dx[i] = dy[i] * act_gelu_exact_slope(x[i]);
}

static void gelu_grad_chunk(const void *attr, const float *const *in, float *const *out,
			    int64_t n)
{
	const struct gelu_attr *a = attr;

	(a->exact ? exact_grad : by_tanh_grad)(in[0], in[1], out[0], n);
}

static int gelu_grad_plain(const struct call *c)
{
	return map_run(c, gelu_grad_chunk);
}
KERNEL_REGISTER_AS(gelu_grad_plain, gelu_grad, .arch = "cpu", .rank = 0,
		   .run = gelu_grad_plain);
