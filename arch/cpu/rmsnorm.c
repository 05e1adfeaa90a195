// SPDX-License-Identifier: MIT
#include "ops/rmsnorm.h"

#include <math.h>

#include "arch/cpu/columns.h"
#include "arch/cpu/loops.h"
#include "base/thread.h"

/* Rows are short and in the cache: passes over them in double cost little. */

SIMD_CLONES static void forward_row(const float *x, const float *w, int64_t n, float eps,
				    float *y, float *rstd_out)
{
	double rstd = 1 / sqrt(LANES_SUM(n, i, (double)x[i] * x[i]) / n + eps);

	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		y[i] = (float)(x[i] * rstd) * w[i];
	*rstd_out = (float)rstd;
}

static void forward_tile(void *ctx, long tile)
{
	const struct call *c = ctx;
	const struct rmsnorm_attr *a = c->attr;
	int64_t n = layout_last(&c->in[0]), row = tile * rows_per_tile(n);
	int64_t end = chunk_end(layout_rows(&c->in[0]), rows_per_tile(n), row);

	for (; row < end; row++)
		forward_row((const float *)c->in_data[0] + row_at(&c->in[0], row), c->in_data[1],
			    n, a->eps, (float *)c->out_data[0] + row * n,
			    (float *)c->out_data[1] + row);
}

static int rmsnorm_plain(const struct call *c)
{
	int64_t rows = layout_rows(&c->in[0]), n = layout_last(&c->in[0]);

	threads_run(chunk_count(rows, rows_per_tile(n)), forward_tile, (void *)c);
	return 0;
}
KERNEL_REGISTER_AS(rmsnorm_plain, rmsnorm, .arch = "cpu", .rank = 0, .run = rmsnorm_plain);

SIMD_CLONES static void dx_row(const float *dy, const float *x, const float *w, int64_t n,
			       double rstd, float *dx)
{
	double dot = LANES_SUM(n, i, (double)dy[i] * w[i] * x[i]) * rstd / n;

	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		dx[i] = (float)(rstd * ((double)dy[i] * w[i] - x[i] * rstd * dot));
}

static void dx_tile(void *ctx, long tile)
{
	const struct call *c = ctx;
	int64_t n = layout_last(&c->in[1]), row = tile * rows_per_tile(n);
	int64_t end = chunk_end(layout_rows(&c->in[1]), rows_per_tile(n), row);

	for (; row < end; row++)
		dx_row((const float *)c->in_data[0] + row * n,
		       (const float *)c->in_data[1] + row_at(&c->in[1], row), c->in_data[2], n,
		       ((const float *)c->in_data[3])[row], (float *)c->out_data[0] + row * n);
}

static int rmsnorm_dx_plain(const struct call *c)
{
	int64_t rows = layout_rows(&c->in[1]), n = layout_last(&c->in[1]);

	threads_run(chunk_count(rows, rows_per_tile(n)), dx_tile, (void *)c);
	return 0;
}
KERNEL_REGISTER_AS(rmsnorm_dx_plain, rmsnorm_dx, .arch = "cpu", .rank = 0,
		   .run = rmsnorm_dx_plain);

SIMD_CLONES static void dw_row(const float *dy, const float *x, double rstd, int64_t n,
			       double *dw)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		dw[i] += dy[i] * (x[i] * rstd);
}

static void dw_part(const struct call *c, int64_t row, int64_t row_end, int64_t col, int64_t n,
		    double *const *sum)
{
	int64_t cols = layout_last(&c->in[1]);

	for (; row < row_end; row++)
		dw_row((const float *)c->in_data[0] + row * cols + col,
		       (const float *)c->in_data[1] + row_at(&c->in[1], row) + col,
		       ((const float *)c->in_data[2])[row], n, sum[0]);
}

static size_t rmsnorm_dw_scratch(const struct call *maximal)
{
	return columns_scratch(layout_rows(&maximal->in[1]), layout_last(&maximal->in[1]), 1);
}

static int rmsnorm_dw_plain(const struct call *c)
{
	return columns_run(c, layout_rows(&c->in[1]), layout_last(&c->in[1]), 1, dw_part);
}
KERNEL_REGISTER_AS(rmsnorm_dw_plain, rmsnorm_dw, .arch = "cpu", .rank = 0,
		   .scratch = rmsnorm_dw_scratch, .run = rmsnorm_dw_plain);
