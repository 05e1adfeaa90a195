// SPDX-License-Identifier: MIT
/*
 * Weights in stored types on any CPU: they are widened to floats, many rows through the
 * packed panels of gemm.h, few rows a part of a weight's row at a time.
 */
#include "ops/qlinear.h"

#include "arch/cpu/convert.h"
#include "arch/cpu/gemm.h"
#include "base/thread.h"

#define FEW_ROWS 8	/* of x, for which packing the weights would cost more than the product */
#define TILE_ROWS 16	/* of w */
#define ACT_ROWS 4	/* of x, to be rounded */

/* PART elements are whole blocks of every type. */
_Static_assert(PART % 256 == 0, "a part cuts a block");

struct job {
	const struct layout *w_layout;
	const void *w;
	const float *x, *bias;
	float *rounded, *y;
	int64_t rows, n, k;
};

/* ---- rounding ----------------------------------------------------------------------- */

SIMD_CLONES static void round_bf16(const float *x, float *rounded, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		rounded[i] = bf16_load(bf16_store(x[i]));
}

static void round_tile(void *ctx, long tile)
{
	const struct job *job = ctx;
	enum dtype type = job->w_layout->dtype;
	int64_t first = tile * ACT_ROWS, nr = chunk_end(job->rows, ACT_ROWS, first) - first;
	const float *x = job->x + first * job->k;
	float *rounded = job->rounded + first * job->k;

	if (type == DT_BF16)
		round_bf16(x, rounded, nr * job->k);
	else if (type == DT_F16)
		for (int64_t i = 0; i < nr * job->k; i++)
			rounded[i] = f16_to_f32(f32_to_f16(x[i]));
	else
		for (int64_t r = 0; r < nr; r++)
			act_round_row(block_type(type)->act, x + r * job->k,
				      rounded + r * job->k, job->k);
}

/* ---- few rows ----------------------------------------------------------------------- */

#define SUMS 16

SIMD_CLONES static float dot(const float *a, const float *b, int64_t n)
{
	float sum[SUMS] = { 0 }, total = 0;
	int64_t i = 0;

	for (; i + SUMS <= n; i += SUMS)
		for (int l = 0; l < SUMS; l++)
			sum[l] += a[i + l] * b[i + l];
	for (int l = 0; i + l < n; l++)
		sum[l] += a[i + l] * b[i + l];
	for (int l = 0; l < SUMS; l++)
		total += sum[l];
	return total;
}

static void row_of_w(const struct job *job, int64_t j)
{
	enum dtype type = job->w_layout->dtype;
	float part[PART], sum[FEW_ROWS] = { 0 };

	for (int64_t k = 0; k < job->k; k += PART) {
		int64_t n = chunk_end(job->k, PART, k) - k;

		widen((const char *)job->w + dtype_bytes(type, j * job->k + k), type, part, n);
		for (int64_t r = 0; r < job->rows; r++)
			sum[r] += dot(job->x + r * job->k + k, part, n);
	}
	for (int64_t r = 0; r < job->rows; r++)
		job->y[r * job->n + j] = sum[r] + (job->bias ? job->bias[j] : 0);
}

static void few_tile(void *ctx, long tile)
{
	const struct job *job = ctx;
	int64_t first = tile * TILE_ROWS;

	for (int64_t j = first; j < chunk_end(job->n, TILE_ROWS, first); j++)
		row_of_w(job, j);
}

/* ---- the kernel --------------------------------------------------------------------- */

static int qlinear_plain(const struct call *c)
{
	const struct qlinear_attr *a = c->attr;
	struct job job = {
		.w_layout = &c->in[1], .w = c->in_data[1], .x = c->in_data[0],
		.bias = c->nr_in > 2 ? c->in_data[2] : NULL,
		.rounded = c->scratch, .y = c->out_data[0],
		.rows = layout_rows(&c->in[0]), .n = c->in[1].n[0], .k = c->in[1].n[1],
	};

	if (a->round == ACT_ROUND_Q8) {
		threads_run(chunk_count(job.rows, ACT_ROWS), round_tile, &job);
		job.x = job.rounded;
	}
	if (job.rows <= FEW_ROWS) {
		threads_run(chunk_count(job.n, TILE_ROWS), few_tile, &job);
		return 0;
	}
	return gemm_run(&(struct gemm){
		.m = job.rows, .n = job.n, .k = job.k,
		.a = job.x, .a_row = job.k, .a_col = 1,
		.b = job.w, .b_row = 1, .b_col = job.k, .b_type = job.w_layout->dtype,
		.c = job.y, .c_row = job.n, .bias = job.bias,
		.round = a->round == ACT_ROUND_Q8, .scratch = job.rounded + job.rows * job.k,
	});
}

static size_t qlinear_scratch(const struct call *c)
{
	int64_t rows = layout_rows(&c->in[0]), n = c->in[1].n[0], k = c->in[1].n[1];

	return rows * k * sizeof(float) + gemm_scratch(rows, n, k, DT_F32);
}
KERNEL_REGISTER_AS(qlinear_plain, qlinear, .arch = "cpu", .rank = 0, .run = qlinear_plain,
		   .scratch = qlinear_scratch);
