// SPDX-License-Identifier: MIT
#include "arch/cpu/columns.h"

#include <string.h>

#include "arch/cpu/loops.h"
#include "base/fail.h"
#include "base/thread.h"

#define COL_TILE   512	/* their sums stay in the first-level cache */
#define MIN_ROWS   256	/* rows in a chunk, more if there would be too many chunks */
#define MAX_CHUNKS 64

struct columns {
	const struct call *c;
	columns_fn fn;
	int64_t rows, cols, chunk_rows;
	long nr_chunks, nr_col_tiles;
	int nr_sums;
	double *parts;		/* (nr_sums, nr_chunks, cols) */
};

static int64_t rows_in_chunk(int64_t rows)
{
	int64_t n = (rows + MAX_CHUNKS - 1) / MAX_CHUNKS;

	return n > MIN_ROWS ? n : MIN_ROWS;
}

size_t columns_scratch(int64_t rows, int64_t cols, int nr_sums)
{
	/* Fewer rows may make more chunks, but never more than these. */
	int64_t chunks = chunk_count(rows, MIN_ROWS);

	return nr_sums * (chunks < MAX_CHUNKS ? chunks : MAX_CHUNKS) * cols * sizeof(double);
}

static void part_tile(void *ctx, long tile)
{
	const struct columns *k = ctx;
	int64_t chunk = tile / k->nr_col_tiles, col = tile % k->nr_col_tiles * COL_TILE;
	int64_t row = chunk * k->chunk_rows, n = chunk_end(k->cols, COL_TILE, col) - col;
	double *sum[COLUMNS_MAX_SUMS];

	for (int s = 0; s < k->nr_sums; s++) {
		sum[s] = k->parts + (s * k->nr_chunks + chunk) * k->cols + col;
		memset(sum[s], 0, n * sizeof(double));
	}
	k->fn(k->c, row, chunk_end(k->rows, k->chunk_rows, row), col, n, sum);
}

SIMD_CLONES static void join_parts(double *part, long nr_chunks, int64_t cols, int64_t n,
				   float *out)
{
	for (long chunk = 1; chunk < nr_chunks; chunk++) {
		const double *more = part + chunk * cols;

		SIMD_LOOP
		for (int64_t i = 0; i < n; i++)
			part[i] += more[i];
	}
	for (int64_t i = 0; i < n; i++)
		out[i] = (float)part[i];
}

struct join {
	double *parts;
	long nr_parts;
	int64_t cols;
	int nr_sums;
	float *const *out;
};

static void join_tile(void *ctx, long tile)
{
	const struct join *j = ctx;
	int64_t col = tile * (int64_t)COL_TILE, n = chunk_end(j->cols, COL_TILE, col) - col;

	for (int s = 0; s < j->nr_sums; s++)
		join_parts(j->parts + s * j->nr_parts * j->cols + col, j->nr_parts, j->cols, n,
			   j->out[s] + col);
}

void columns_join(double *parts, long nr_parts, int64_t cols, int nr_sums, float *const *out)
{
	struct join j = { parts, nr_parts, cols, nr_sums, out };

	threads_run(chunk_count(cols, COL_TILE), join_tile, &j);
}

int columns_run(const struct call *c, int64_t rows, int64_t cols, int nr_sums, columns_fn fn)
{
	struct columns k = {
		.c = c,
		.fn = fn,
		.rows = rows,
		.cols = cols,
		.chunk_rows = rows_in_chunk(rows),
		.nr_chunks = chunk_count(rows, rows_in_chunk(rows)),
		.nr_col_tiles = chunk_count(cols, COL_TILE),
		.nr_sums = nr_sums,
		.parts = c->scratch,
	};

	BUG_ON(nr_sums > COLUMNS_MAX_SUMS ||
	       nr_sums * k.nr_chunks * cols * sizeof(double) > c->scratch_bytes);
	threads_run(k.nr_chunks * k.nr_col_tiles, part_tile, &k);
	columns_join(k.parts, k.nr_chunks, cols, nr_sums, (float *const *)c->out_data);
	return 0;
}
