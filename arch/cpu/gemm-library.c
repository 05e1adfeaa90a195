// SPDX-License-Identifier: MIT
#include "arch/cpu/gemm-library.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "arch/cpu/gemm-grid.h"
#include "arch/cpu/gemm-isa.h"
#include "base/fail.h"
#include "base/thread.h"

/*
 * Measured with oneDNN (Documentation/performance.md, "Tile size"): 256 x 512 is within
 * 5 % of the best, but two threads want some tiles each.
 */
#define TILE_ROWS  256
#define TILE_COLS  512
#define TILE_LEAST 128
#define TILES_MIN  8

#define SPLIT_STEPS 512		/* k that is worth a part of its own */
#define SPLITS_MAX  8
/* C's elements where there may be parts of k: fewer than TILES_MIN of the least tiles. */
#define SPLIT_SIZE ((TILES_MIN - 1) * TILE_LEAST * TILE_LEAST)

static bool only_own;
static _Thread_local _Alignas(64) float sums[TILE_ROWS * TILE_COLS];

/** struct failure - the first of the parts that the library could not compute. */
struct failure {
	atomic_int code;	/* -errno, or 0 */
	char why[160];		/* its message, which belongs to the thread that it ran in */
};

/** struct grid - how a product is cut up; follows from its shape. */
struct grid {
	const struct gemm *g;
	int64_t rows, cols;		/* of a tile */
	int64_t down, across;		/* tiles */
	int64_t splits, per_split;	/* parts of k */
	struct failure *failure;
};

static struct grid make_grid(const struct gemm *g)
{
	struct grid d = { .g = g, .rows = TILE_ROWS, .cols = TILE_COLS, .splits = 1 };

	for (;;) {
		d.down = div_up(g->m, d.rows);
		d.across = div_up(g->n, d.cols);
		if (d.down * d.across >= TILES_MIN ||
		    (d.rows == TILE_LEAST && d.cols == TILE_LEAST))
			break;
		if (d.cols > d.rows)
			d.cols /= 2;
		else
			d.rows /= 2;
	}
	if (d.down * d.across < TILES_MIN)
		d.splits = min64(SPLITS_MAX, div_up(g->k, SPLIT_STEPS));
	if (d.splits < 2 || g->m * g->n > SPLIT_SIZE)
		d.splits = 1;
	d.per_split = div_up(g->k, d.splits);
	d.splits = g->k ? div_up(g->k, d.per_split) : 1;
	return d;
}

static const void *element(const void *x, enum dtype type, int64_t at)
{
	return (const char *)x + at * (int64_t)dtype_size(type);
}

static void note(struct failure *f, int ret)
{
	int none = 0;

	if (atomic_compare_exchange_strong(&f->code, &none, ret))
		snprintf(f->why, sizeof(f->why), "%s", fail_message());
	fail_clear();
}

/* A part of the product: region @at of C over part @split of k, into @to. */
static void multiply(const struct grid *d, const struct gemm_region *at, int64_t split,
		     float *to, int64_t stride, bool add)
{
	const struct gemm *g = d->g;
	int64_t k0 = split * d->per_split;
	struct gemm_part p = {
		.m = at->rows, .n = at->cols, .k = min64(g->k - k0, d->per_split),
		.a = element(g->a, g->a_type, at->row * g->a_row + k0 * g->a_col),
		.b = element(g->b, g->b_type, k0 * g->b_row + at->col * g->b_col),
		.a_row = g->a_row, .a_col = g->a_col, .b_row = g->b_row, .b_col = g->b_col,
		.type = g->a_type, .c = to, .c_row = stride, .add = add,
	};
	int ret;

	if (!p.k) {
		for (int64_t i = 0; i < p.m && !add; i++)
			memset(to + i * stride, 0, p.n * sizeof(*to));
		return;
	}
	ret = gemm_library.multiply(&p);
	if (ret)
		note(d->failure, ret);
}

/* What sums begin with: the bias. */
static void begin(const struct gemm *g, const struct gemm_region *at, float *to, int64_t stride)
{
	for (int64_t i = 0; i < at->rows; i++)
		for (int64_t j = 0; j < at->cols; j++)
			to[i * stride + j] = g->bias[at->col + j] +
					     (g->add ? to[i * stride + j] : 0);
}

static struct gemm_region region_of(const struct grid *d, int64_t tile)
{
	int64_t row = tile / d->across * d->rows, col = tile % d->across * d->cols;

	return (struct gemm_region){
		.row = row, .rows = min64(d->g->m - row, d->rows),
		.col = col, .cols = min64(d->g->n - col, d->cols),
	};
}

/* Where the sums of a region are taken: in C itself, or beside it if C is bf16. */
static float *sums_of(const struct gemm *g, const struct gemm_region *at, int64_t *stride)
{
	if (g->c_type != DT_F32) {
		*stride = TILE_COLS;
		return sums;
	}
	*stride = g->c_row;
	return (float *)g->c + at->row * g->c_row + at->col;
}

static void finish(const struct gemm *g, struct gemm_region *at, const float *x, int64_t stride)
{
	if (g->c_type == DT_F32 && g->act == ACT_NONE && !g->before)
		return;
	at->x = x;
	at->x_row = stride;
	gemm_isa(g)->finish(g, at);
}

static void run_tile(void *ctx, long tile)
{
	const struct grid *d = ctx;
	const struct gemm *g = d->g;
	struct gemm_region at = region_of(d, tile);
	int64_t stride;
	float *to = sums_of(g, &at, &stride);

	if (g->bias)
		begin(g, &at, to, stride);
	multiply(d, &at, 0, to, stride, g->add || g->bias);
	finish(g, &at, to, stride);
}

/* ---- few tiles, long k: partial sums in scratch, added in order ------------------- */

static void run_split(void *ctx, long task)
{
	const struct grid *d = ctx;
	int64_t tile = task / d->splits, split = task % d->splits;
	struct gemm_region at = region_of(d, tile);
	float *to = (float *)d->g->scratch + split * d->g->m * d->g->n;

	multiply(d, &at, split, to + at.row * d->g->n + at.col, d->g->n, false);
}

static void join_row(const struct grid *d, const struct gemm_region *at, int64_t i, float *to)
{
	const struct gemm *g = d->g;
	const float *part = (float *)g->scratch + (at->row + i) * g->n + at->col;

	for (int64_t j = 0; j < at->cols; j++)
		to[j] = (g->bias ? g->bias[at->col + j] : 0) + (g->add ? to[j] : 0);
	for (int64_t s = 0; s < d->splits; s++, part += g->m * g->n)
		for (int64_t j = 0; j < at->cols; j++)
			to[j] += part[j];
}

static void join_tile(void *ctx, long tile)
{
	const struct grid *d = ctx;
	struct gemm_region at = region_of(d, tile);
	int64_t stride;
	float *to = sums_of(d->g, &at, &stride);

	for (int64_t i = 0; i < at.rows; i++)
		join_row(d, &at, i, to + i * stride);
	finish(d->g, &at, to, stride);
}

int gemm_library_run(const struct gemm *g)
{
	struct failure failure = { .code = 0 };
	struct grid d = make_grid(g);
	long tiles = (long)(d.down * d.across);

	d.failure = &failure;
	if (d.splits < 2) {
		threads_run(tiles, run_tile, &d);
	} else {
		threads_run(tiles * (long)d.splits, run_split, &d);
		threads_run(tiles, join_tile, &d);
	}
	return failure.code ? fail(failure.code, "%s", failure.why) : 0;
}

size_t gemm_library_scratch(int64_t m, int64_t n, int64_t k)
{
	return min64(m * n, SPLIT_SIZE) * SPLITS_MAX * sizeof(float);
}

bool gemm_library_takes(const struct gemm *g)
{
	return !only_own && g->a_type == g->b_type && (g->a_row == 1 || g->a_col == 1) &&
	       (g->b_row == 1 || g->b_col == 1) && gemm_library.takes(g->a_type);
}

void gemm_library_limit(bool own)
{
	only_own = own;
}
