// SPDX-License-Identifier: MIT
#include "arch/cpu/sparse-linear.h"

#include "arch/cpu/convert.h"
#include "arch/cpu/gemm.h"
#include "arch/cpu/qlinear.h"
#include "base/thread.h"

#define LEAST_TILE 16	/* rows of w: where a tile begins, the processor follows w anew */
#define MOST_TILE 64
#define EXPANDED ((int64_t)1 << 20)	/* floats of w at a time, with many rows of x */

const uint8_t sparse_pair_mask[16] = {
	[0 | 1 << 2] = 3, [0 | 2 << 2] = 5, [0 | 3 << 2] = 9,
	[1 | 2 << 2] = 6, [1 | 3 << 2] = 10, [2 | 3 << 2] = 12,
};

/** struct run - a job, and what does it; @first: row of w that a tile of floats begins with. */
struct run {
	struct sparse_job q;
	const struct sparse_code *code;
	float *floats;
	int64_t first, nr;
};

static struct sparse_job arguments(const struct call *c)
{
	const struct sparse_linear_attr *a = c->attr;
	bool is_mask = c->nr_in > 3 && c->in[3].nd >= 0;

	return (struct sparse_job){
		.w = { .kind = is_mask ? SPARSE_MASK : SPARSE_2_4, .dtype = c->in[1].dtype,
		       .rows = c->in[2].n[0], .cols = layout_last(&c->in[0]),
		       .nr_values = layout_count(&c->in[1]), .values = c->in_data[1],
		       .places = c->in_data[2], .starts = is_mask ? c->in_data[3] : NULL },
		.round = a->round, .x = c->in_data[0], .y = c->out_data[0],
		.bias = c->nr_in > 4 ? c->in_data[4] : NULL, .rows = layout_rows(&c->in[0]),
		.n = c->in[2].n[0], .k = layout_last(&c->in[0]), .scratch = c->scratch,
	};
}

/* Rows of w that are floats at a time: by shape only. */
static int64_t floats_rows(const struct sparse_job *q)
{
	int64_t rows = EXPANDED / q->k / 16 * 16;

	rows = rows < 64 ? 64 : rows;
	return rows < q->n ? rows : q->n;
}

size_t sparse_linear_scratch(const struct call *c)
{
	struct sparse_job q = arguments(c);
	int64_t tile = floats_rows(&q);

	return (q.rows + tile) * q.k * sizeof(float) + gemm_scratch(q.rows, tile, q.k, DT_F32);
}

/* ---- few rows ------------------------------------------------------------------------------ */

static int64_t tile_rows(const struct sparse_job *q)
{
	int64_t rows = q->n / 32 / 4 * 4;

	return rows > MOST_TILE ? MOST_TILE : rows < LEAST_TILE ? LEAST_TILE : rows;
}

static void few_tile(void *ctx, long tile)
{
	const struct run *run = ctx;
	const struct sparse_job *q = &run->q;
	int64_t per = tile_rows(q), from = tile * per, to = chunk_end(q->n, per, from);
	int rows;

	for (int64_t r = 0; r < q->rows; r += rows) {
		rows = q->rows - r >= 4 ? 4 : q->rows - r >= 2 ? 2 : 1;
		run->code->dots(q, r, rows, from, to);
	}
	for (int64_t r = 0; r < q->rows && q->bias; r++)
		for (int64_t j = from; j < to; j++)
			q->y[r * q->n + j] += q->bias[j];
}

/* ---- many rows ----------------------------------------------------------------------------- */

static void expand_tile(void *ctx, long tile)
{
	const struct run *run = ctx;
	int64_t from = tile * LEAST_TILE, to = chunk_end(run->nr, LEAST_TILE, from);

	for (int64_t j = from; j < to; j++)
		run->code->expand(&run->q, run->first + j, run->floats + j * run->q.k);
}

static int product(const struct run *run)
{
	const struct sparse_job *q = &run->q;

	return gemm_run(&(struct gemm){
		.m = q->rows, .n = run->nr, .k = q->k, .a = q->x, .a_row = q->k, .a_col = 1,
		.b = run->floats, .b_row = 1, .b_col = q->k,
		.c = q->y + run->first, .c_row = q->n,
		.bias = q->bias ? q->bias + run->first : NULL,
		.scratch = run->floats + floats_rows(q) * q->k,
	});
}

static int many_rows(struct run *run)
{
	struct sparse_job *q = &run->q;
	int64_t tile = floats_rows(q);
	int ret = 0;

	run->floats = (float *)q->scratch + q->rows * q->k;
	for (run->first = 0; run->first < q->n && !ret; run->first += tile) {
		run->nr = chunk_end(q->n, tile, run->first) - run->first;
		threads_run(chunk_count(run->nr, LEAST_TILE), expand_tile, run);
		ret = product(run);
	}
	return ret;
}

/* x as a dense weight of this type would see it. */
static void round_x(struct sparse_job *q)
{
	struct qlinear dense = {
		.type = q->w.dtype, .x = q->x, .rows = q->rows, .k = q->k, .scratch = q->scratch,
	};

	if (q->round != ACT_ROUND_Q8 || q->w.dtype == DT_F32)
		return;
	qlinear_round(&dense);
	q->x = dense.x;
}

int sparse_linear_run(const struct call *c, const struct sparse_code *code)
{
	struct run run = { .q = arguments(c), .code = code };

	round_x(&run.q);
	if (run.q.rows > SPARSE_FEW)
		return many_rows(&run);
	threads_run_shares(chunk_count(run.q.n, tile_rows(&run.q)), few_tile, &run);
	return 0;
}

/* ---- any processor ------------------------------------------------------------------------- */

/* Columns [@from, @from + @nr) of a row, of whose values @at is the first; PART at most. */
static int64_t expand_part(const struct sparse_job *q, int64_t j, int64_t from, int64_t nr,
			   int64_t at, float *to)
{
	const uint8_t *places = q->w.places + j * sparse_row_bytes(q->k) + from / 8;
	float values[PART];
	int64_t used = 0;

	for (int64_t i = 0; i < nr; i++)
		to[i] = 0;
	for (int64_t b = 0; b < (nr + 7) / 8; b++)
		used += __builtin_popcount(sparse_mask_byte(q->w.kind, places[b]));
	widen(data_at(q->w.values, q->w.dtype, at), q->w.dtype, values, used);
	used = 0;
	for (int64_t b = 0; b < (nr + 7) / 8; b++)
		for (unsigned int m = sparse_mask_byte(q->w.kind, places[b]); m; m &= m - 1)
			to[8 * b + __builtin_ctz(m)] = values[used++];
	return at + used;
}

static void plain_expand(const struct sparse_job *q, int64_t j, float *to)
{
	int64_t at = sparse_start(&q->w, j);

	for (int64_t k = 0; k < q->k; k += PART)
		at = expand_part(q, j, k, chunk_end(q->k, PART, k) - k, at, to + k);
}

SIMD_CLONES static float dot(const float *a, const float *b, int64_t n)
{
	return ROW_SUM(n, i, a[i] * b[i]);
}

static void plain_dots(const struct sparse_job *q, int64_t r, int rows, int64_t from, int64_t to)
{
	for (int64_t j = from; j < to; j++) {
		float part[PART], sum[SPARSE_ROWS] = { 0 };
		int64_t at = sparse_start(&q->w, j);

		for (int64_t k = 0; k < q->k; k += PART) {
			int64_t nr = chunk_end(q->k, PART, k) - k;

			at = expand_part(q, j, k, nr, at, part);
			for (int i = 0; i < rows; i++)
				sum[i] += dot(q->x + (r + i) * q->k + k, part, nr);
		}
		for (int i = 0; i < rows; i++)
			q->y[(r + i) * q->n + j] = sum[i];
	}
}

static int sparse_linear_plain(const struct call *c)
{
	static const struct sparse_code code = { plain_dots, plain_expand };

	return sparse_linear_run(c, &code);
}
KERNEL_REGISTER_AS(sparse_linear_plain, sparse_linear, .arch = "cpu", .rank = 0,
		   .run = sparse_linear_plain, .scratch = sparse_linear_scratch);
