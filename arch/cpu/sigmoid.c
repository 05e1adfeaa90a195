// SPDX-License-Identifier: MIT
#include "arch/cpu/simd.h"
#include "arch/cpu/vmath.h"
#include "base/thread.h"
#include "tensor/op.h"

#define TILE 8192	/* elements */

static long tiles_of(const struct call *c)
{
	return (layout_count(&c->out[0]) + TILE - 1) / TILE;
}

static int64_t tile_size(const struct call *c, long tile)
{
	int64_t left = layout_count(&c->out[0]) - (int64_t)tile * TILE;

	return left < TILE ? left : TILE;
}

SIMD_CLONES static void forward(const float *x, float *y, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		y[i] = vm_sigmoidf(x[i]);
}

static void sigmoid_tile(void *ctx, long tile)
{
	const struct call *c = ctx;
	int64_t at = (int64_t)tile * TILE;

	forward((const float *)c->in_data[0] + at, (float *)c->out_data[0] + at,
		tile_size(c, tile));
}

static int sigmoid_plain(const struct call *c)
{
	threads_run(tiles_of(c), sigmoid_tile, (void *)c);
	return 0;
}
KERNEL_REGISTER_AS(sigmoid_plain, sigmoid, .arch = "cpu", .rank = 0, .run = sigmoid_plain);

SIMD_CLONES static void backward(const float *dy, const float *y, float *dx, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		dx[i] = dy[i] * y[i] * (1 - y[i]);
}

static void sigmoid_grad_tile(void *ctx, long tile)
{
	const struct call *c = ctx;
	int64_t at = (int64_t)tile * TILE;

	backward((const float *)c->in_data[0] + at, (const float *)c->in_data[1] + at,
		 (float *)c->out_data[0] + at, tile_size(c, tile));
}

static int sigmoid_grad_plain(const struct call *c)
{
	threads_run(tiles_of(c), sigmoid_grad_tile, (void *)c);
	return 0;
}
KERNEL_REGISTER_AS(sigmoid_grad_plain, sigmoid_grad, .arch = "cpu", .rank = 0,
		   .run = sigmoid_grad_plain);
