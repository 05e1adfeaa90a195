// SPDX-License-Identifier: MIT
#include "arch/cuda/reduce.h"

#define THREADS 256

/* One block for each row. */
static __global__ void __launch_bounds__(THREADS)
softmax_rows(const float *x, float *y, int64_t n)
{
	float max = -INFINITY, sum = 0;

	x += (int64_t)blockIdx.x * n;
	y += (int64_t)blockIdx.x * n;
	for (int64_t i = threadIdx.x; i < n; i += THREADS)
		max = fmaxf(max, x[i]);
	max = block_max(max);
	for (int64_t i = threadIdx.x; i < n; i += THREADS)
		sum += expf(x[i] - max);
	sum = block_sum(sum);
	for (int64_t i = threadIdx.x; i < n; i += THREADS)
		y[i] = expf(x[i] - max) / sum;
}

static __global__ void __launch_bounds__(THREADS)
softmax_grad_rows(const float *dy, const float *y, float *dx, int64_t n)
{
	int64_t at = (int64_t)blockIdx.x * n;
	float dot = 0;

	for (int64_t i = threadIdx.x; i < n; i += THREADS)
		dot += dy[at + i] * y[at + i];
	dot = block_sum(dot);
	for (int64_t i = threadIdx.x; i < n; i += THREADS)
		dx[at + i] = y[at + i] * (dy[at + i] - dot);
}

static int softmax_cuda(const struct call *c)
{
	return KLAUNCH(softmax_rows, (layout_rows(&c->out[0])), (THREADS), 0,
		       (const float *)c->in_data[0], (float *)c->out_data[0],
		       layout_last(&c->out[0]));
}
KERNEL_REGISTER_AS(softmax_cuda, softmax, .arch = "cuda", .rank = 0, .run = softmax_cuda);

static int softmax_grad_cuda(const struct call *c)
{
	return KLAUNCH(softmax_grad_rows, (layout_rows(&c->out[0])), (THREADS), 0,
		       (const float *)c->in_data[0], (const float *)c->in_data[1],
		       (float *)c->out_data[0], layout_last(&c->out[0]));
}
KERNEL_REGISTER_AS(softmax_grad_cuda, softmax_grad, .arch = "cuda", .rank = 0,
		   .run = softmax_grad_cuda);
