// SPDX-License-Identifier: MIT
/*
 * Weights in stored types on any CPU: they are widened to floats, many rows through the
 * packed panels of gemm.h, few rows a part of a weight's row at a time.
 */
#include "arch/cpu/qlinear.h"

#include "arch/cpu/convert.h"
#include "arch/cpu/gemm.h"
#include "base/thread.h"

#define TILE_ROWS 16	/* of w */
#define ACT_ROWS 4	/* of x, to be rounded */

/* PART elements are whole blocks of every type. */
_Static_assert(PART % 256 == 0, "a part cuts a block");

/* ---- rounding ----------------------------------------------------------------------- */

SIMD_CLONES static void round_bf16(const float *x, float *rounded, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		rounded[i] = bf16_load(bf16_store(x[i]));
}

/*
 * To the nearest f16, ties to even.  Below 2^-14 f16 are multiples of 2^-24, as floats between
 * 1/2 and 1 are; above, 13 bits fewer than floats; beyond 65504 and a half step, infinite.
 */
SIMD_CLONES static void round_f16(const float *x, float *rounded, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++) {
		uint32_t bits = vm_bits(x[i]), most = bits & 0x7fffffff, sign = bits ^ most;
		uint32_t small = vm_bits(vm_float(most) + 0.5f - 0.5f);
		uint32_t large = (most + 0xfff + (most >> 13 & 1)) & ~0x1fffu;

		large = large > 0x477fe000 ? 0x7f800000 : large;
		large = most > 0x7f800000 ? most : large;
		rounded[i] = vm_float((most < 0x38800000 ? small : large) | sign);
	}
}

static void round_tile(void *ctx, long tile)
{
	const struct qlinear *q = ctx;
	enum dtype type = q->type;
	int64_t first = tile * ACT_ROWS, nr = chunk_end(q->rows, ACT_ROWS, first) - first;
	const float *x = q->x + first * q->k;
	float *rounded = (float *)q->scratch + first * q->k;

	if (type == DT_BF16)
		round_bf16(x, rounded, nr * q->k);
	else if (type == DT_F16)
		round_f16(x, rounded, nr * q->k);
	else
		for (int64_t r = 0; r < nr; r++)
			act_round_row(block_type(type)->act, x + r * q->k,
				      rounded + r * q->k, q->k);
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

static void row_of_w(const struct qlinear *q, int64_t j)
{
	const char *row = qlinear_row(q, j);
	float part[PART], sum[QLINEAR_FEW] = { 0 };

	for (int64_t k = 0; k < q->k; k += PART) {
		int64_t n = chunk_end(q->k, PART, k) - k;

		widen(row + dtype_bytes(q->type, k), q->type, part, n);
		for (int64_t r = 0; r < q->rows; r++)
			sum[r] += dot(q->x + r * q->k + k, part, n);
	}
	for (int64_t r = 0; r < q->rows; r++)
		q->y[r * q->n + j] = sum[r] + (q->bias ? q->bias[j] : 0);
}

static void few_tile(void *ctx, long tile)
{
	const struct qlinear *q = ctx;
	int64_t first = tile * TILE_ROWS;

	for (int64_t j = first; j < chunk_end(q->n, TILE_ROWS, first); j++)
		row_of_w(q, j);
}

/* ---- the kernel --------------------------------------------------------------------- */

struct qlinear qlinear_arguments(const struct call *c)
{
	const struct qlinear_attr *a = c->attr;

	return (struct qlinear){
		.type = c->in[1].dtype, .round = a->round, .w = c->in_data[1],
		.x = c->in_data[0], .bias = c->nr_in > 2 ? c->in_data[2] : NULL,
		.y = c->out_data[0], .rows = layout_rows(&c->in[0]), .n = c->in[1].n[0],
		.k = c->in[1].n[1], .scratch = c->scratch,
	};
}

void qlinear_round(struct qlinear *q)
{
	threads_run(chunk_count(q->rows, ACT_ROWS), round_tile, q);
	q->x = (const float *)q->scratch;
}

int qlinear_floats(const struct qlinear *given)
{
	struct qlinear q = *given;

	if (q.round == ACT_ROUND_Q8)
		qlinear_round(&q);
	if (q.rows <= QLINEAR_FEW) {
		threads_run_shares(chunk_count(q.n, TILE_ROWS), few_tile, &q);
		return 0;
	}
	return gemm_run(&(struct gemm){
		.m = q.rows, .n = q.n, .k = q.k, .a = q.x, .a_row = q.k, .a_col = 1,
		.b = q.w, .b_row = 1, .b_col = q.k, .b_type = q.type,
		.c = q.y, .c_row = q.n, .bias = q.bias, .round = q.round == ACT_ROUND_Q8,
		.scratch = q.scratch + q.rows * q.k * sizeof(float),
	});
}

size_t qlinear_floats_scratch(const struct qlinear *q)
{
	return q->rows * q->k * sizeof(float) + gemm_scratch(q->rows, q->n, q->k, DT_F32);
}

static int qlinear_plain(const struct call *c)
{
	struct qlinear q = qlinear_arguments(c);

	return qlinear_floats(&q);
}

static size_t qlinear_scratch(const struct call *c)
{
	struct qlinear q = qlinear_arguments(c);

	return qlinear_floats_scratch(&q);
}
KERNEL_REGISTER_AS(qlinear_plain, qlinear, .arch = "cpu", .rank = 0, .run = qlinear_plain,
		   .scratch = qlinear_scratch);
