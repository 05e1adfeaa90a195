// SPDX-License-Identifier: MIT
#include "prune/obs.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/thread.h"
#include "prune/mask.h"
#include "prune/select.h"

#define ROWS 64		/* of a tile: whole words of a mask, whatever the columns */

struct work {
	const struct obs_call *c;
	double *w;		/* (rows, cols) */
	double *error;		/* (rows, columns), of the block at hand */
	int64_t begin, end;	/* its columns */
	float *score;		/* (rows, columns) */
	uint64_t *block_mask;	/* (rows, columns), packed */
};

static double diagonal(const struct obs_call *c, int64_t j)
{
	return c->u[j * c->cols + j];
}

static float score_of(const struct obs_call *c, double w, int64_t j)
{
	double x = c->dead[j] ? 0 : w / diagonal(c, j);

	return (float)(x * x);
}

/* ---- choosing --------------------------------------------------------------------------- */

static void score_rows(void *ctx, long tile)
{
	const struct work *k = ctx;
	const struct obs_call *c = k->c;
	int64_t at = (int64_t)tile * ROWS, end = c->rows - at < ROWS ? c->rows : at + ROWS;
	int64_t width = k->end - k->begin;

	for (int64_t i = at; i < end; i++)
		for (int64_t j = k->begin; j < k->end; j++)
			k->score[i * width + j - k->begin] =
				score_of(c, k->w[i * c->cols + j], j);
}

static void copy_mask(void *ctx, long tile)
{
	const struct work *k = ctx;
	const struct obs_call *c = k->c;
	int64_t at = (int64_t)tile * ROWS, end = c->rows - at < ROWS ? c->rows : at + ROWS;
	int64_t width = k->end - k->begin;

	for (int64_t i = at; i < end; i++)
		for (int64_t j = 0; j < width; j++)
			mask_set(c->mask, i * c->cols + k->begin + j,
				 mask_get(k->block_mask, i * width + j));
}

static long row_tiles(const struct obs_call *c)
{
	return (long)((c->rows + ROWS - 1) / ROWS);
}

/* So many of each block that the sum over the tensor is exact. */
static int choose_block(struct work *k)
{
	const struct obs_call *c = k->c;
	int64_t drop = select_count(c->sparsity, c->rows * k->end) -
		       select_count(c->sparsity, c->rows * k->begin);
	struct select_part part = { .score = k->score, .mask = k->block_mask,
				    .nr = c->rows * (k->end - k->begin) };
	int ret;

	threads_run(row_tiles(c), score_rows, k);
	ret = select_lowest(&part, 1, drop);
	if (!ret)
		threads_run(row_tiles(c), copy_mask, k);
	return ret;
}

/* N:M: a group of a row is chosen when its first column is reached. */
static void choose_group(const struct obs_call *c, const double *w, int64_t row, int64_t j)
{
	float score[SELECT_GROUP_MAX];

	for (int k = 0; k < c->of; k++)
		score[k] = score_of(c, w[j + k], j + k);
	for (int k = 0; k < c->of; k++) {
		int better = 0;

		for (int i = 0; i < c->of; i++)
			better += score[i] > score[k] || (score[i] == score[k] && i > k);
		mask_set(c->mask, row * c->cols + j + k, better < c->keep);
	}
}

/* ---- updating --------------------------------------------------------------------------- */

/* @w[k] -= @error * @u[k] */
static inline void subtract(double *w, const double *u, double error, int64_t nr)
{
	for (int64_t k = 0; k < nr; k++)
		w[k] -= error * u[k];
}

/* The columns of the block, one by one; then all behind it. */
static void update_row(const struct work *k, int64_t row)
{
	const struct obs_call *c = k->c;
	double *w = k->w + row * c->cols, *error = k->error + row * c->columns;

	for (int64_t j = k->begin; j < k->end; j++) {
		const double *u = c->u + j * c->cols;

		if (c->choose && c->of && !(j % c->of))
			choose_group(c, w, row, j);
		error[j - k->begin] = 0;
		if (mask_get(c->mask, row * c->cols + j))
			continue;
		error[j - k->begin] = w[j] / u[j];
		w[j] = 0;
		subtract(w + j + 1, u + j + 1, error[j - k->begin], k->end - j - 1);
	}
	for (int64_t j = k->begin; j < k->end; j++)
		if (error[j - k->begin] != 0)
			subtract(w + k->end, c->u + j * c->cols + k->end, error[j - k->begin],
				 c->cols - k->end);
}

static void update_rows(void *ctx, long tile)
{
	const struct work *k = ctx;
	int64_t at = (int64_t)tile * ROWS, end = k->c->rows - at < ROWS ? k->c->rows : at + ROWS;

	for (; at < end; at++)
		update_row(k, at);
}

static int run(struct work *k)
{
	const struct obs_call *c = k->c;
	int ret = 0;

	for (k->begin = 0; k->begin < c->cols && !ret; k->begin = k->end) {
		k->end = c->cols - k->begin < c->columns ? c->cols : k->begin + c->columns;
		if (c->choose && !c->of)
			ret = choose_block(k);
		if (!ret)
			threads_run(row_tiles(c), update_rows, k);
	}
	return ret;
}

static int take_result(const struct work *k, const char *what)
{
	const struct obs_call *c = k->c;

	for (int64_t i = 0; i < c->rows * c->cols; i++) {
		float w = (float)k->w[i];

		if (!isfinite(w))
			return fail(-EDOM, "%s: the update makes weights that are not finite: take "
				    "a larger PRUNE_DAMP", what);
		c->w[i] = mask_get(c->mask, i) ? w : 0;
	}
	return 0;
}

int obs_update(const struct obs_call *c, const char *what)
{
	struct work k = { .c = c };
	int64_t nr = c->rows * c->cols, block = c->rows * c->columns;
	int ret;

	k.w = malloc(nr * sizeof(*k.w));
	k.error = malloc(block * sizeof(*k.error));
	k.score = c->choose ? malloc(block * sizeof(*k.score)) : NULL;
	k.block_mask = c->choose ? mask_new(block) : NULL;
	if (!k.w || !k.error || (c->choose && (!k.score || !k.block_mask))) {
		ret = fail_nomem(nr * sizeof(*k.w), what);
		goto out;
	}
	for (int64_t i = 0; i < nr; i++)
		k.w[i] = c->w[i];
	ret = run(&k);
	if (!ret)
		ret = take_result(&k, what);
out:
	free(k.block_mask);
	free(k.score);
	free(k.error);
	free(k.w);
	return ret;
}
