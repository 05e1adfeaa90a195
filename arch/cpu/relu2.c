// SPDX-License-Identifier: MIT
#include "arch/cpu/activation.h"
#include "arch/cpu/map.h"

SIMD_CLONES static void forward(const float *x, float *y, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		y[i] = act_relu2(x[i]);
}

static void relu2_chunk(const void *attr, const float *const *in, float *const *out, int64_t n)
{
	forward(in[0], out[0], n);
}

static int relu2_plain(const struct call *c)
{
	return map_run(c, relu2_chunk);
}
KERNEL_REGISTER_AS(relu2_plain, relu2, .arch = "cpu", .rank = 0, .run = relu2_plain);

SIMD_CLONES static void backward(const float *dy, const float *x, float *dx, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		dx[i] = dy[i] * act_relu2_slope(x[i]);
}

static void relu2_grad_chunk(const void *attr, const float *const *in, float *const *out,
			     int64_t n)
{
	backward(in[0], in[1], out[0], n);
}

static int relu2_grad_plain(const struct call *c)
{
	return map_run(c, relu2_grad_chunk);
}
KERNEL_REGISTER_AS(relu2_grad_plain, relu2_grad, .arch = "cpu", .rank = 0,
		   .run = relu2_grad_plain);
