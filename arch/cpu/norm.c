// SPDX-License-Identifier: MIT
#include "arch/cpu/norm.h"

#include <string.h>

#include "arch/cpu/columns.h"
#include "arch/cpu/convert.h"
#include "base/fail.h"
#include "base/thread.h"

static void *out_at(const struct call *c, int o, int64_t i)
{
	return (void *)data_at(c->out_data[o], c->out[o].dtype, i);
}

#define ROWS_LENGTH 4096	/* elements of rows that are worked on together: 16 KiB */

/* ---- forward --------------------------------------------------------------------- */

struct forward {
	const struct call *c;
	norm_fn fn;
	bool with_mean;
	int branch;	/* number of the input to add first; 0: none */
	float eps;
};

SIMD_CLONES static void add_row(enum dtype type, const float *x, const void *branch, float *sum,
				int64_t n)
{
	if (type == DT_BF16) {
		SIMD_LOOP
		for (int64_t i = 0; i < n; i++)
			sum[i] = x[i] + load_as(DT_BF16, branch, i);
	} else {
		SIMD_LOOP
		for (int64_t i = 0; i < n; i++)
			sum[i] = x[i] + load_as(DT_F32, branch, i);
	}
}

/* Row number @row; adds the branch first, if there is one. */
static void forward_row(const struct forward *f, int64_t row, struct norm_row *r)
{
	const struct call *c = f->c;
	enum dtype type = c->in[f->branch].dtype;
	float *sum;

	r->x = data_at(c->in_data[0], r->x_type, row_at(&c->in[0], row));
	r->y = out_at(c, 0, row * r->n);
	r->mean = f->with_mean ? (float *)c->out_data[1] + row : NULL;
	r->rstd = (float *)c->out_data[1 + f->with_mean] + row;
	if (!f->branch)
		return;
	sum = out_at(c, c->nr_out - 1, row * r->n);
	add_row(type, r->x, data_at(c->in_data[f->branch], type, row * r->n), sum, r->n);
	r->x = sum;
}

static void forward_tile(void *ctx, long tile)
{
	const struct forward *f = ctx;
	const struct call *c = f->c;
	int64_t n = layout_last(&c->in[0]), row = tile * rows_per_tile(n);
	int64_t end = chunk_end(layout_rows(&c->in[0]), rows_per_tile(n), row);
	const struct norm_row common = {
		.w = c->in_data[1],
		.b = f->with_mean && c->nr_in > 2 ? c->in_data[2] : NULL,
		.n = n,
		.eps = f->eps,
		.x_type = c->in[0].dtype,
		.y_type = c->out[0].dtype,
	};

	while (row < end) {
		struct norm_row r[NORM_ROWS];
		int nr = 0;

		while (row < end && nr < NORM_ROWS && (!nr || nr * n < ROWS_LENGTH)) {
			r[nr] = common;
			forward_row(f, row++, &r[nr++]);
		}
		f->fn(r, nr);
	}
}

static int run_forward(struct forward *f)
{
	int64_t rows = layout_rows(&f->c->in[0]), n = layout_last(&f->c->in[0]);

	threads_run_shares(chunk_count(rows, rows_per_tile(n)), forward_tile, f);
	return 0;
}

int norm_run(const struct call *c, bool with_mean, float eps, norm_fn fn)
{
	return run_forward(&(struct forward){ c, fn, with_mean, 0, eps });
}

int norm_sum_run(const struct call *c, bool with_mean, float eps, norm_fn fn)
{
	return run_forward(&(struct forward){ c, fn, with_mean, c->nr_in - 1, eps });
}

/* ---- backward ---------------------------------------------------------------------- */

#define MIN_ROWS   16	/* of a block, whose sums are in floats first, ... */
#define MAX_BLOCKS 64
#define FLUSH      32	/* ... which are added to doubles after so many rows */

struct backward_pass {
	const struct call *c;
	norm_grad_fn fn;
	int nr_sums;		/* 2: dw and db; 1: dw */
	int64_t rows, cols, block_rows;
	long nr_blocks;
	double *parts;		/* (nr_sums, nr_blocks, cols) */
	float *sums;		/* (nr_blocks, nr_sums, cols) */
};

static int64_t rows_in_block(int64_t rows)
{
	int64_t n = chunk_count(rows, MAX_BLOCKS);

	return n > MIN_ROWS ? n : MIN_ROWS;
}

size_t norm_grad_scratch(const struct call *maximal, bool with_mean)
{
	/* Fewer rows may make more blocks, but never more than these. */
	int64_t blocks = chunk_count(layout_rows(&maximal->in[1]), MIN_ROWS);

	return (blocks < MAX_BLOCKS ? blocks : MAX_BLOCKS) * (1 + with_mean) *
	       layout_last(&maximal->in[1]) * (sizeof(double) + sizeof(float));
}

SIMD_CLONES static void flush(float *sums, double *parts, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++) {
		parts[i] += sums[i];
		sums[i] = 0;
	}
}

static void flush_block(const struct backward_pass *p, long block, float *sums)
{
	for (int s = 0; s < p->nr_sums; s++)
		flush(sums + s * p->cols, p->parts + (s * p->nr_blocks + block) * p->cols,
		      p->cols);
}

static void grad_row(const struct backward_pass *p, struct norm_grad_row *r, int64_t row)
{
	const struct call *c = p->c;
	int rstd = 2 + p->nr_sums, dsum = rstd + 1;
	int64_t at = row * p->cols;

	r->dy = data_at(c->in_data[0], r->dy_type, at);
	r->x = data_at(c->in_data[1], r->x_type, row_at(&c->in[1], row));
	r->dsum = dsum < c->nr_in && c->in_data[dsum] ? data_at(c->in_data[dsum], r->x_type, at)
						      : NULL;
	r->dx = out_at(c, 0, at);
	r->mean = p->nr_sums > 1 ? ((const float *)c->in_data[3])[row] : 0;
	r->rstd = ((const float *)c->in_data[rstd])[row];
}

static void grad_and_copy(const struct backward_pass *p, struct norm_grad_row *r, int64_t row)
{
	const struct call *c = p->c;
	int copy = 1 + p->nr_sums;
	void *to;

	grad_row(p, r, row);
	p->fn(r);
	if (copy >= c->nr_out)
		return;
	to = out_at(c, copy, row * p->cols);
	if (r->x_type == DT_F32)
		narrow(r->dx, c->out[copy].dtype, to, p->cols);
	else
		memcpy(to, r->dx, p->cols * sizeof(uint16_t));
}

static void block_tile(void *ctx, long block)
{
	const struct backward_pass *p = ctx;
	const struct call *c = p->c;
	int64_t row = block * p->block_rows, end = chunk_end(p->rows, p->block_rows, row);
	float *sums = p->sums + block * p->nr_sums * p->cols;
	struct norm_grad_row r = {
		.w = c->in_data[2],
		.dw = sums,
		.db = p->nr_sums > 1 ? sums + p->cols : NULL,
		.n = p->cols,
		.dy_type = c->in[0].dtype,
		.x_type = c->in[1].dtype,
	};

	memset(sums, 0, p->nr_sums * p->cols * sizeof(*sums));
	for (int s = 0; s < p->nr_sums; s++)
		memset(p->parts + (s * p->nr_blocks + block) * p->cols, 0,
		       p->cols * sizeof(*p->parts));
	for (int64_t i = 1; row < end; row++, i++) {
		grad_and_copy(p, &r, row);
		if (i % FLUSH == 0)
			flush_block(p, block, sums);
	}
	flush_block(p, block, sums);
}

int norm_grad_run(const struct call *c, bool with_mean, norm_grad_fn fn)
{
	int64_t rows = layout_rows(&c->in[1]), cols = layout_last(&c->in[1]);
	struct backward_pass p = {
		.c = c,
		.fn = fn,
		.nr_sums = 1 + with_mean,
		.rows = rows,
		.cols = cols,
		.block_rows = rows_in_block(rows),
		.nr_blocks = chunk_count(rows, rows_in_block(rows)),
		.parts = c->scratch,
	};

	p.sums = (float *)(p.parts + p.nr_sums * p.nr_blocks * cols);
	BUG_ON((size_t)((char *)(p.sums + p.nr_blocks * p.nr_sums * cols) -
			(char *)c->scratch) > c->scratch_bytes);
	threads_run_shares(p.nr_blocks, block_tile, &p);
	columns_join(p.parts, p.nr_blocks, cols, p.nr_sums, (float *const *)&c->out_data[1]);
	return 0;
}
