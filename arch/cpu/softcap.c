// SPDX-License-Identifier: MIT
#include "ops/softcap.h"

#include "arch/cpu/simd.h"
#include "arch/cpu/vmath.h"
#include "base/thread.h"
#include "tensor/op.h"

#define CHUNK 4096	/* elements in a tile */

SIMD_CLONES static void softcap_chunk(float *y, const float *x, float cap, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		y[i] = cap * vm_tanhf(x[i] / cap);
}

SIMD_CLONES static void softcap_grad_chunk(float *dx, const float *dy, const float *x, float cap,
					   int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		float t = vm_tanhf(x[i] / cap);

		dx[i] = dy[i] * (1 - t * t);
	}
}

static int64_t chunk_length(const struct call *c, long tile)
{
	int64_t left = layout_count(&c->out[0]) - (int64_t)tile * CHUNK;

	return left < CHUNK ? left : CHUNK;
}

static void forward_tile(void *ctx, long tile)
{
	const struct call *c = ctx;
	const struct softcap_attr *attr = c->attr;
	int64_t at = (int64_t)tile * CHUNK;

	softcap_chunk((float *)c->out_data[0] + at, (const float *)c->in_data[0] + at, attr->cap,
		      chunk_length(c, tile));
}

static void grad_tile(void *ctx, long tile)
{
	const struct call *c = ctx;
	const struct softcap_attr *attr = c->attr;
	int64_t at = (int64_t)tile * CHUNK;

	softcap_grad_chunk((float *)c->out_data[0] + at, (const float *)c->in_data[0] + at,
			   (const float *)c->in_data[1] + at, attr->cap, chunk_length(c, tile));
}

static int run_tiles(const struct call *c, tile_fn fn)
{
	threads_run((layout_count(&c->out[0]) + CHUNK - 1) / CHUNK, fn, (void *)c);
	return 0;
}

static int softcap_run(const struct call *c)
{
	return run_tiles(c, forward_tile);
}

static int softcap_grad_run(const struct call *c)
{
	return run_tiles(c, grad_tile);
}

KERNEL_REGISTER_AS(softcap_plain, softcap, .arch = "cpu", .rank = 0, .run = softcap_run);
KERNEL_REGISTER_AS(softcap_grad_plain, softcap_grad, .arch = "cpu", .rank = 0,
		   .run = softcap_grad_run);
