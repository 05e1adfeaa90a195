// SPDX-License-Identifier: MIT
#include <math.h>

#include "arch/cpu/simd.h"
#include "arch/cpu/vmath.h"
#include "base/thread.h"
#include "tensor/op.h"

/* Rows of a tile: about 16 KiB, so that short rows do not drown in the cost of a tile. */
static long rows_per_tile(int64_t n)
{
	return n < 4096 ? 4096 / n : 1;
}

static long tiles_of(const struct call *c)
{
	long per = rows_per_tile(layout_last(&c->out[0]));

	return (layout_rows(&c->out[0]) + per - 1) / per;
}

/* Sums go through 16 partial sums: the compiler may not reorder one sum by itself. */
#define LANES 16

SIMD_CLONES static float row_max(const float *x, int64_t n)
{
	float max[LANES], best;
	int64_t i = 0;

	for (int l = 0; l < LANES; l++)
		max[l] = -INFINITY;
	for (; i + LANES <= n; i += LANES)
		for (int l = 0; l < LANES; l++)
			max[l] = x[i + l] > max[l] ? x[i + l] : max[l];
	best = max[0];
	for (int l = 1; l < LANES; l++)
		best = max[l] > best ? max[l] : best;
	for (; i < n; i++)
		best = x[i] > best ? x[i] : best;
	return best;
}

SIMD_CLONES static double row_exp(const float *x, float *y, float max, int64_t n)
{
	float sum[LANES] = { 0 };
	double total = 0;
	int64_t i = 0;

	for (; i + LANES <= n; i += LANES) {
		for (int l = 0; l < LANES; l++) {
			float e = vm_expf(x[i + l] - max);

			y[i + l] = e;
			sum[l] += e;
		}
	}
	for (; i < n; i++) {
		y[i] = vm_expf(x[i] - max);
		total += y[i];
	}
	for (int l = 0; l < LANES; l++)
		total += sum[l];
	return total;
}

SIMD_CLONES static void row_scale(float *y, float factor, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		y[i] *= factor;
}

static void softmax_tile(void *ctx, long tile)
{
	const struct call *c = ctx;
	int64_t n = layout_last(&c->out[0]), rows = layout_rows(&c->out[0]);
	int64_t first = tile * rows_per_tile(n), last = first + rows_per_tile(n);

	for (int64_t r = first; r < (last < rows ? last : rows); r++) {
		const float *x = (const float *)c->in_data[0] + r * n;
		float *y = (float *)c->out_data[0] + r * n;
		double sum = row_exp(x, y, row_max(x, n), n);

		row_scale(y, (float)(1 / sum), n);
	}
}

static int softmax_plain(const struct call *c)
{
	threads_run_shares(tiles_of(c), softmax_tile, (void *)c);
	return 0;
}
KERNEL_REGISTER_AS(softmax_plain, softmax, .arch = "cpu", .rank = 0, .run = softmax_plain);

/* ---- gradient ---------------------------------------------------------------- */

SIMD_CLONES static double row_dot(const float *a, const float *b, int64_t n)
{
	float sum[LANES] = { 0 };
	double total = 0;
	int64_t i = 0;

	for (; i + LANES <= n; i += LANES)
		for (int l = 0; l < LANES; l++)
			sum[l] += a[i + l] * b[i + l];
	for (; i < n; i++)
		total += (double)a[i] * b[i];
	for (int l = 0; l < LANES; l++)
		total += sum[l];
	return total;
}

SIMD_CLONES static void row_grad(const float *dy, const float *y, float dot, float *dx, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		dx[i] = y[i] * (dy[i] - dot);
}

static void softmax_grad_tile(void *ctx, long tile)
{
	const struct call *c = ctx;
	int64_t n = layout_last(&c->out[0]), rows = layout_rows(&c->out[0]);
	int64_t first = tile * rows_per_tile(n), last = first + rows_per_tile(n);

	for (int64_t r = first; r < (last < rows ? last : rows); r++) {
		const float *dy = (const float *)c->in_data[0] + r * n;
		const float *y = (const float *)c->in_data[1] + r * n;

		row_grad(dy, y, (float)row_dot(dy, y, n), (float *)c->out_data[0] + r * n, n);
	}
}

static int softmax_grad_plain(const struct call *c)
{
	threads_run_shares(tiles_of(c), softmax_grad_tile, (void *)c);
	return 0;
}
KERNEL_REGISTER_AS(softmax_grad_plain, softmax_grad, .arch = "cpu", .rank = 0,
		   .run = softmax_grad_plain);
