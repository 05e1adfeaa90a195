// SPDX-License-Identifier: MIT
#include "arch/cpu/loops.h"
#include "arch/cpu/map.h"
#include "arch/cpu/vmath.h"

SIMD_CLONES static void forward(const float *x, float *y, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		y[i] = vm_sigmoidf(x[i]);
}

static void sigmoid_chunk(const void *attr, const float *const *in, float *const *out, int64_t n)
{
	forward(in[0], out[0], n);
}

static int sigmoid_plain(const struct call *c)
{
	return map_run(c, sigmoid_chunk);
}
KERNEL_REGISTER_AS(sigmoid_plain, sigmoid, .arch = "cpu", .rank = 0, .run = sigmoid_plain);

SIMD_CLONES static void backward(const float *dy, const float *y, float *dx, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		dx[i] = dy[i] * y[i] * (1 - y[i]);
}

static void sigmoid_grad_chunk(const void *attr, const float *const *in, float *const *out,
			       int64_t n)
{
	backward(in[0], in[1], out[0], n);
}

static int sigmoid_grad_plain(const struct call *c)
{
	return map_run(c, sigmoid_grad_chunk);
}
KERNEL_REGISTER_AS(sigmoid_grad_plain, sigmoid_grad, .arch = "cpu", .rank = 0,
		   .run = sigmoid_grad_plain);
