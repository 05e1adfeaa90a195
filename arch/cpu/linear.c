// SPDX-License-Identifier: MIT
#include "ops/linear.h"

#include "arch/cpu/accumulate.h"
#include "arch/cpu/gemm.h"
#include "base/thread.h"

/* ---- y (R, N) = x (R, K) w^T + bias, w (N, K) ----------------------------------- */

static int linear_plain(const struct call *c)
{
	int64_t k = c->in[1].n[1], n = c->in[1].n[0];

	gemm_run(&(struct gemm){
		.m = layout_rows(&c->in[0]), .n = n, .k = k,
		.a = c->in_data[0], .a_row = k, .a_col = 1,
		.b = c->in_data[1], .b_row = 1, .b_col = k,
		.c = c->out_data[0], .c_row = n,
		.bias = c->nr_in > 2 ? c->in_data[2] : NULL,
		.scratch = c->scratch,
	});
	return 0;
}

static size_t linear_scratch(const struct call *c)
{
	return gemm_scratch(layout_rows(&c->in[0]), c->in[1].n[0], c->in[1].n[1], DT_F32);
}
KERNEL_REGISTER_AS(linear_plain, linear, .arch = "cpu", .rank = 0, .run = linear_plain,
		   .scratch = linear_scratch);

/* ---- dx (R, K) = dy (R, N) w ------------------------------------------------------- */

static int linear_dx_plain(const struct call *c)
{
	int64_t k = c->in[1].n[1], n = c->in[1].n[0];

	gemm_run(&(struct gemm){
		.m = layout_rows(&c->in[0]), .n = k, .k = n,
		.a = c->in_data[0], .a_row = n, .a_col = 1,
		.b = c->in_data[1], .b_row = k, .b_col = 1,
		.c = c->out_data[0], .c_row = k,
		.scratch = c->scratch,
	});
	return 0;
}

static size_t linear_dx_scratch(const struct call *c)
{
	return gemm_scratch(layout_rows(&c->in[0]), c->in[1].n[1], c->in[1].n[0], DT_F32);
}
KERNEL_REGISTER_AS(linear_dx_plain, linear_dx, .arch = "cpu", .rank = 0, .run = linear_dx_plain,
		   .scratch = linear_dx_scratch);

/* ---- dw (N, K) = [prev +] dy^T x, x (R, K), dy (R, N) -------------------------------- */

static int linear_dw_plain(const struct call *c)
{
	const struct accumulate_attr *a = c->attr;
	int64_t k = layout_last(&c->in[0]), n = layout_last(&c->in[1]);

	gemm_run(&(struct gemm){
		.m = n, .n = k, .k = layout_rows(&c->in[0]),
		.a = c->in_data[1], .a_row = 1, .a_col = n,
		.b = c->in_data[0], .b_row = k, .b_col = 1,
		.c = c->out_data[0], .c_row = k,
		.add = call_adds(c, 2, 3, a->always_add),
		.scratch = c->scratch,
	});
	return 0;
}

static size_t linear_dw_scratch(const struct call *c)
{
	return gemm_scratch(layout_last(&c->in[1]), layout_last(&c->in[0]),
			    layout_rows(&c->in[0]), DT_F32);
}
KERNEL_REGISTER_AS(linear_dw_plain, linear_dw, .arch = "cpu", .rank = 0, .run = linear_dw_plain,
		   .scratch = linear_dw_scratch);

/* ---- db (N) = dy (R, N) summed over rows ---------------------------------------------- */

#define BIAS_ROWS 256	/* rows that one tile sums */
#define BIAS_COLS 256

struct bias_job {
	const float *dy;	/* (rows, n) */
	double *partial;	/* (row blocks, n) */
	float *out;
	int64_t rows, n;
};

static int64_t blocks_of(int64_t n, int64_t per)
{
	return (n + per - 1) / per;
}

static void bias_tile(void *ctx, long tile)
{
	const struct bias_job *job = ctx;
	int64_t across = blocks_of(job->n, BIAS_COLS);
	int64_t block = tile / across, col = tile % across * BIAS_COLS;
	int64_t cols = job->n - col < BIAS_COLS ? job->n - col : BIAS_COLS;
	int64_t first = block * BIAS_ROWS, last = first + BIAS_ROWS;
	double *sum = job->partial + block * job->n + col;

	for (int64_t j = 0; j < cols; j++)
		sum[j] = 0;
	for (int64_t r = first; r < (last < job->rows ? last : job->rows); r++)
		for (int64_t j = 0; j < cols; j++)
			sum[j] += job->dy[r * job->n + col + j];
}

static int bias_grad_plain(const struct call *c)
{
	struct bias_job job = {
		.dy = c->in_data[0],
		.partial = c->scratch,
		.out = c->out_data[0],
		.rows = layout_rows(&c->in[0]),
		.n = layout_last(&c->in[0]),
	};
	int64_t blocks = blocks_of(job.rows, BIAS_ROWS);

	threads_run((long)(blocks * blocks_of(job.n, BIAS_COLS)), bias_tile, &job);
	for (int64_t b = 1; b < blocks; b++)
		for (int64_t j = 0; j < job.n; j++)
			job.partial[j] += job.partial[b * job.n + j];
	for (int64_t j = 0; j < job.n; j++)
		job.out[j] = (float)job.partial[j];
	return 0;
}

static size_t bias_grad_scratch(const struct call *c)
{
	return blocks_of(layout_rows(&c->in[0]), BIAS_ROWS) * layout_last(&c->in[0]) *
	       sizeof(double);
}
KERNEL_REGISTER_AS(bias_grad_plain, bias_grad, .arch = "cpu", .rank = 0, .run = bias_grad_plain,
		   .scratch = bias_grad_scratch);
