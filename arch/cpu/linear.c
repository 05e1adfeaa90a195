// SPDX-License-Identifier: MIT
#include "ops/linear.h"

#include <string.h>

#include "arch/cpu/accumulate.h"
#include "arch/cpu/convert.h"
#include "arch/cpu/gemm.h"
#include "base/thread.h"

/* ---- y (R, N) = act(x (R, K) w^T + bias), w (N, K) ------------------------------ */

static int forward(const struct call *c, enum activation act)
{
	int64_t k = c->in[1].n[1], n = c->in[1].n[0];

	return gemm_run(&(struct gemm){
		.m = layout_rows(&c->in[0]), .n = n, .k = k,
		.a = c->in_data[0], .a_row = k, .a_col = 1, .a_type = c->in[0].dtype,
		.b = c->in_data[1], .b_row = 1, .b_col = k, .b_type = c->in[1].dtype,
		.c = c->out_data[0], .c_row = n, .c_type = c->out[0].dtype,
		.bias = c->nr_in > 2 ? c->in_data[2] : NULL,
		.act = act, .before = act == ACT_NONE ? NULL : c->out_data[1],
		.scratch = c->scratch,
	});
}

static int linear_plain(const struct call *c)
{
	return forward(c, ACT_NONE);
}

static int linear_act_plain(const struct call *c)
{
	const struct linear_act_attr *a = c->attr;

	return forward(c, a->act);
}

static size_t forward_scratch(const struct call *c)
{
	return gemm_scratch(layout_rows(&c->in[0]), c->in[1].n[0], c->in[1].n[1],
			    c->out[0].dtype);
}
KERNEL_REGISTER_AS(linear_plain, linear, .arch = "cpu", .rank = 0, .run = linear_plain,
		   .scratch = forward_scratch);
KERNEL_REGISTER_AS(linear_act_plain, linear_act, .arch = "cpu", .rank = 0,
		   .run = linear_act_plain, .scratch = forward_scratch);

/* ---- dx (R, K) = dy (R, N) w [act'(before)] ----------------------------------------- */

static int backward(const struct call *c, enum activation act, const void *before)
{
	int64_t k = c->in[1].n[1], n = c->in[1].n[0];

	return gemm_run(&(struct gemm){
		.m = layout_rows(&c->in[0]), .n = k, .k = n,
		.a = c->in_data[0], .a_row = n, .a_col = 1, .a_type = c->in[0].dtype,
		.b = c->in_data[1], .b_row = k, .b_col = 1, .b_type = c->in[1].dtype,
		.c = c->out_data[0], .c_row = k, .c_type = c->out[0].dtype,
		.act = act, .slope_at = before,
		.scratch = c->scratch,
	});
}

static int linear_dx_plain(const struct call *c)
{
	return backward(c, ACT_NONE, NULL);
}

static int linear_dx_act_plain(const struct call *c)
{
	const struct linear_act_attr *a = c->attr;

	return backward(c, a->act, c->in_data[2]);
}

static size_t backward_scratch(const struct call *c)
{
	return gemm_scratch(layout_rows(&c->in[0]), c->in[1].n[1], c->in[1].n[0],
			    c->out[0].dtype);
}
KERNEL_REGISTER_AS(linear_dx_plain, linear_dx, .arch = "cpu", .rank = 0, .run = linear_dx_plain,
		   .scratch = backward_scratch);
KERNEL_REGISTER_AS(linear_dx_act_plain, linear_dx_act, .arch = "cpu", .rank = 0,
		   .run = linear_dx_act_plain, .scratch = backward_scratch);

/* ---- dw (N, K) = [prev +] dy^T x, x (R, K), dy (R, N) -------------------------------- */

static int linear_dw_plain(const struct call *c)
{
	const struct accumulate_attr *a = c->attr;
	int64_t k = layout_last(&c->in[0]), n = layout_last(&c->in[1]);

	return gemm_run(&(struct gemm){
		.m = n, .n = k, .k = layout_rows(&c->in[0]),
		.a = c->in_data[1], .a_row = 1, .a_col = n, .a_type = c->in[1].dtype,
		.b = c->in_data[0], .b_row = k, .b_col = 1, .b_type = c->in[0].dtype,
		.c = c->out_data[0], .c_row = k,
		.add = call_adds(c, 2, 3, a->always_add),
		.scratch = c->scratch,
	});
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
#define BIAS_COLS 1024

struct bias_job {
	const void *dy;		/* (rows, n) */
	enum dtype type;
	float *partial;		/* (row blocks, n) */
	float *out;
	int64_t rows, n;
};

static int64_t blocks_of(int64_t n, int64_t per)
{
	return (n + per - 1) / per;
}

/* The columns of @rows rows added to @sum, four rows at a time. */
#define ADD_ROWS(name, type, load)							\
SIMD_CLONES static void name(const type *x, int64_t rows, int64_t stride, float *sum,	\
			     int64_t cols)						\
{											\
	int64_t r = 0;									\
											\
	for (; r + 4 <= rows; r += 4, x += 4 * stride) {				\
		SIMD_LOOP								\
		for (int64_t j = 0; j < cols; j++)					\
			sum[j] += (load(x[j]) + load(x[stride + j])) +			\
				  (load(x[2 * stride + j]) + load(x[3 * stride + j]));	\
	}										\
	for (; r < rows; r++, x += stride) {						\
		SIMD_LOOP								\
		for (int64_t j = 0; j < cols; j++)					\
			sum[j] += load(x[j]);						\
	}										\
}
#define AS_IT_IS(x) (x)
ADD_ROWS(add_f32, float, AS_IT_IS)
ADD_ROWS(add_bf16, uint16_t, bf16_load)

static void bias_tile(void *ctx, long tile)
{
	const struct bias_job *job = ctx;
	int64_t across = blocks_of(job->n, BIAS_COLS);
	int64_t block = tile / across, col = tile % across * BIAS_COLS;
	int64_t cols = chunk_end(job->n, BIAS_COLS, col) - col, first = block * BIAS_ROWS;
	int64_t rows = chunk_end(job->rows, BIAS_ROWS, first) - first;
	const void *x = data_at(job->dy, job->type, first * job->n + col);
	float *sum = job->partial + block * job->n + col;

	memset(sum, 0, cols * sizeof(*sum));
	if (job->type == DT_BF16)
		add_bf16(x, rows, job->n, sum, cols);
	else
		add_f32(x, rows, job->n, sum, cols);
}

static int bias_grad_plain(const struct call *c)
{
	struct bias_job job = {
		.dy = c->in_data[0],
		.type = c->in[0].dtype,
		.partial = c->scratch,
		.out = c->out_data[0],
		.rows = layout_rows(&c->in[0]),
		.n = layout_last(&c->in[0]),
	};
	int64_t blocks = blocks_of(job.rows, BIAS_ROWS);

	threads_run((long)(blocks * blocks_of(job.n, BIAS_COLS)), bias_tile, &job);
	for (int64_t j = 0; j < job.n; j++) {
		double sum = 0;

		for (int64_t b = 0; b < blocks; b++)
			sum += job.partial[b * job.n + j];
		job.out[j] = (float)sum;
	}
	return 0;
}

static size_t bias_grad_scratch(const struct call *c)
{
	return blocks_of(layout_rows(&c->in[0]), BIAS_ROWS) * layout_last(&c->in[0]) *
	       sizeof(float);
}
KERNEL_REGISTER_AS(bias_grad_plain, bias_grad, .arch = "cpu", .rank = 0, .run = bias_grad_plain,
		   .scratch = bias_grad_scratch);
