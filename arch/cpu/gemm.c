// SPDX-License-Identifier: MIT
#include "arch/cpu/gemm.h"

#include <string.h>

#include "arch/cpu/simd.h"
#include "base/fail.h"
#include "base/thread.h"

/*
 * Largest tile of C that is packed at once.  B's (GEMM_K, TILE_N) and A's (TILE_M, GEMM_K)
 * fit an L2 of 1 MB, one micro panel of each fits L1.  TILE_M is a multiple of every
 * micro tile's rows, TILE_N of its columns, so that only C's own edges are ragged.
 */
#define TILE_M 192
#define TILE_N 512
/* Rows of packed A are not a power of two apart, or they would share few cache sets. */
#define A_STRIDE (GEMM_K + 16)
/* Up to this many rows of C, dot products that read B in place are cheaper than packing. */
#define DOTS_M 8

/* What the shape-only grid aims at. */
#define GRID_TILES	16		/* enough for the threads we expect */
#define GRID_WORK	(1 << 19)	/* multiply-adds that are worth a thread's wake-up */
#define SPLIT_K		1024		/* a split is at least so long */

/* Where a micro tile goes: @rows x @cols of C from @c on. */
struct micro {
	float *c;
	int64_t c_row;
	const float *bias;
	float alpha;
	bool add;
	int rows, cols;
};

/* What gemm-kernel.h provides for one instruction set. */
struct gemm_isa {
	int rows, cols;		/* of a micro tile */
	void (*micro_rows)(int64_t k, const float *a, const float *b, const struct micro *t);
	void (*micro_panel)(int64_t k, const float *a, const float *b, const struct micro *t);
	void (*pack_b_copy)(int64_t k, const float *b, int64_t b_row, float *to);
	void (*dots)(const struct gemm *g);
};

typedef float vec16 __attribute__((vector_size(64), aligned(4), may_alias));

#define KERNEL(name) plain_##name
#define KERNEL_TARGET
#define LANES 4
#define VECS 2
#define ROWS 6
#include "arch/cpu/gemm-kernel.h"

#define KERNEL(name) avx2_##name
#define KERNEL_TARGET SIMD_AVX2
#define LANES 8
#define VECS 2
#define ROWS 6
#include "arch/cpu/gemm-kernel.h"

#define KERNEL(name) avx512_##name
#define KERNEL_TARGET SIMD_AVX512
#define LANES 16
#define VECS 2
#define ROWS 12
#include "arch/cpu/gemm-kernel.h"

#define MAX_ROWS 12
#define MAX_COLS 32

static const struct gemm_isa *gemm_isa(void)
{
	switch (simd_level()) {
	case SIMD_LEVEL_AVX512:
		return &avx512_isa;
	case SIMD_LEVEL_AVX2:
		return &avx2_isa;
	default:
		return &plain_isa;
	}
}

static _Thread_local _Alignas(64) float packed_a[TILE_M * A_STRIDE];
static _Thread_local _Alignas(64) float packed_b[GEMM_K * TILE_N];

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t div_up(int64_t a, int64_t b)
{
	return (a + b - 1) / b;
}

/* ---- packing ----------------------------------------------------------------- */

/* A as rows of length k: for A whose k is adjacent (or neither is). */
static void pack_a_rows(const struct gemm *g, int64_t m, int64_t k, const float *a, int rows)
{
	float *to = packed_a;

	for (int64_t i = 0; i < m; i++, to += A_STRIDE)
		if (g->a_col == 1)
			memcpy(to, a + i * g->a_row, k * sizeof(*to));
		else
			for (int64_t p = 0; p < k; p++)
				to[p] = a[i * g->a_row + p * g->a_col];
	/* The last micro tile computes whole @rows; what it computes there is not stored. */
	for (int64_t i = m; i < div_up(m, rows) * rows; i++, to += A_STRIDE)
		memset(to, 0, k * sizeof(*to));
}

/* A as panels of (k, rows): for A whose rows are adjacent, as those of a transpose. */
static void pack_a_panels(const struct gemm *g, int64_t m, int64_t k, const float *a, int rows)
{
	for (int64_t i = 0; i < m; i += rows) {
		float *to = packed_a + i * k;
		int64_t n = min64(m - i, rows);

		for (int64_t p = 0; p < k; p++, to += rows) {
			const float *from = a + i + p * g->a_col;

			if (n == MAX_ROWS)
				memcpy(to, from, MAX_ROWS * sizeof(*to));
			else
				for (int64_t r = 0; r < rows; r++)
					to[r] = r < n ? from[r] : 0;
		}
	}
}

typedef float vec8 __attribute__((vector_size(32)));
typedef float vec8_at __attribute__((vector_size(32), aligned(4), may_alias));

/* Interleave pairs of rows; three rounds of this transpose 8 x 8. */
#define LOW(x, y)	__builtin_shufflevector(x, y, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH(x, y)	__builtin_shufflevector(x, y, 2, 10, 3, 11, 6, 14, 7, 15)
#define LOW2(x, y)	__builtin_shufflevector(x, y, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH2(x, y)	__builtin_shufflevector(x, y, 2, 3, 10, 11, 6, 7, 14, 15)
#define LOW4(x, y)	__builtin_shufflevector(x, y, 0, 1, 2, 3, 8, 9, 10, 11)
#define HIGH4(x, y)	__builtin_shufflevector(x, y, 4, 5, 6, 7, 12, 13, 14, 15)

/* to[p * cols + j] = b[j * b_col + p] for 8 columns j and @k, a multiple of 8, rows p. */
static SIMD_AVX2 void transpose_8(int64_t k, const float *b, int64_t b_col, float *to, int cols)
{
	for (int64_t p = 0; p < k; p += 8, b += 8, to += 8 * cols) {
		vec8 x[8], y[8];

		for (int j = 0; j < 8; j++)
			x[j] = *(const vec8_at *)(b + j * b_col);
		for (int j = 0; j < 8; j += 2) {
			y[j] = LOW(x[j], x[j + 1]);
			y[j + 1] = HIGH(x[j], x[j + 1]);
		}
		for (int j = 0; j < 8; j += 4)
			for (int h = 0; h < 2; h++) {
				x[j + 2 * h] = LOW2(y[j + h], y[j + 2 + h]);
				x[j + 2 * h + 1] = HIGH2(y[j + h], y[j + 2 + h]);
			}
		for (int j = 0; j < 4; j++) {
			*(vec8 *)(to + j * cols) = LOW4(x[j], x[j + 4]);
			*(vec8 *)(to + (j + 4) * cols) = HIGH4(x[j], x[j + 4]);
		}
	}
}

/* Part of a panel of B, @n columns from b on, element by element. */
static void pack_b_any(const struct gemm *g, int64_t k, int64_t n, const float *b, float *to,
		       int cols)
{
	for (int64_t p = 0; p < k; p++)
		for (int64_t j = 0; j < n; j++)
			to[p * cols + j] = b[p * g->b_row + j * g->b_col];
}

/* A panel of B whose k is adjacent, as that of a transpose: 8 x 8 at a time. */
static void pack_b_transpose(const struct gemm *g, int64_t k, const float *b, float *to, int cols)
{
	int64_t k8 = simd_level() == SIMD_LEVEL_PLAIN ? 0 : k & ~(int64_t)7;

	for (int j = 0; j < cols && k8; j += 8)
		transpose_8(k8, b + j * g->b_col, g->b_col, to + j, cols);
	pack_b_any(g, k - k8, cols, b + k8, to + k8 * cols, cols);
}

static void pack_b(const struct gemm *g, const struct gemm_isa *isa, int64_t k, int64_t n,
		   const float *b)
{
	for (int64_t j = 0; j < n; j += isa->cols, b += isa->cols * g->b_col) {
		float *to = packed_b + j * k;

		if (n - j < isa->cols) {
			memset(to, 0, k * isa->cols * sizeof(*to));
			pack_b_any(g, k, n - j, b, to, isa->cols);
		} else if (g->b_col == 1) {
			isa->pack_b_copy(k, b, g->b_row, to);
		} else if (g->b_row == 1) {
			pack_b_transpose(g, k, b, to, isa->cols);
		} else {
			pack_b_any(g, k, isa->cols, b, to, isa->cols);
		}
	}
}

/* ---- one tile ------------------------------------------------------------------ */

/* The packed blocks times each other: (m, k) x (k, n) into C at @t. */
static void multiply_packed(const struct gemm_isa *isa, bool panels, int64_t m, int64_t n,
			    int64_t k, const struct micro *at)
{
	struct micro t = *at;

	for (int64_t j = 0; j < n; j += isa->cols) {
		const float *b = packed_b + j * k;

		t.cols = (int)min64(n - j, isa->cols);
		t.bias = at->bias ? at->bias + j : NULL;
		for (int64_t i = 0; i < m; i += isa->rows) {
			t.rows = (int)min64(m - i, isa->rows);
			t.c = at->c + i * at->c_row + j;
			if (panels)
				isa->micro_panel(k, packed_a + i * k, b, &t);
			else
				isa->micro_rows(k, packed_a + i * A_STRIDE, b, &t);
		}
	}
}

static void fill_constant(const struct gemm *g)
{
	for (int64_t i = 0; i < g->m && !g->add; i++)
		memset(g->c + i * g->c_row, 0, g->n * sizeof(*g->c));
	for (int64_t i = 0; i < g->m && g->bias; i++)
		for (int64_t j = 0; j < g->n; j++)
			g->c[i * g->c_row + j] += g->bias[j];
}

/* A tile of C that fits the packing buffers, over all of k. */
static void compute_block(const struct gemm *g, const struct gemm_isa *isa, int64_t i0,
			  int64_t j0, int64_t m, int64_t n)
{
	int64_t step = (div_up(g->k, div_up(g->k, GEMM_K)) + 7) & ~(int64_t)7;
	bool panels = g->a_row == 1 && g->a_col != 1;

	for (int64_t p = 0; p < g->k; p += step) {
		int64_t k = min64(g->k - p, step);
		const float *a = g->a + i0 * g->a_row + p * g->a_col;
		struct micro at = {
			.c = g->c + i0 * g->c_row + j0,
			.c_row = g->c_row,
			.alpha = g->alpha,
			.bias = g->bias && !p ? g->bias + j0 : NULL,
			.add = g->add || p,
		};

		if (panels)
			pack_a_panels(g, m, k, a, isa->rows);
		else
			pack_a_rows(g, m, k, a, isa->rows);
		pack_b(g, isa, k, n, g->b + p * g->b_row + j0 * g->b_col);
		multiply_packed(isa, panels, m, n, k, &at);
	}
}

static bool uses_dots(const struct gemm *g)
{
	return g->m <= DOTS_M && g->a_col == 1 && g->b_row == 1;
}

void gemm_tile(const struct gemm *g)
{
	const struct gemm_isa *isa = gemm_isa();

	if (!g->k) {
		fill_constant(g);
	} else if (uses_dots(g)) {
		isa->dots(g);
	} else {
		for (int64_t j = 0; j < g->n; j += TILE_N)
			for (int64_t i = 0; i < g->m; i += TILE_M)
				compute_block(g, isa, i, j, min64(g->m - i, TILE_M),
					      min64(g->n - j, TILE_N));
	}
}

/* ---- the grid ------------------------------------------------------------------ */

/* How C and k are cut: tiles of (m, n), @splits of k. */
struct grid {
	int64_t m, n;
	int64_t splits;
	int64_t down, across;	/* tiles */
};

static void grid_count(const struct gemm *g, struct grid *grid)
{
	grid->down = div_up(g->m, grid->m);
	grid->across = div_up(g->n, grid->n);
}

/*
 * Large tiles cost the least packing; few tiles leave threads idle.  Start large; while
 * there are too few, first cut k (free but for one more pass over a small C), then the
 * wider side.  Then even out, so that the last tile is not a sliver.
 */
static struct grid grid_choose(const struct gemm *g)
{
	struct grid grid = { .m = TILE_M, .n = TILE_N, .splits = 1 };

	for (;;) {
		double work = (double)min64(g->m, grid.m) * min64(g->n, grid.n) *
			      (g->k / grid.splits);

		grid_count(g, &grid);
		if (grid.down * grid.across * grid.splits >= GRID_TILES || work < 2 * GRID_WORK)
			break;
		if (g->partial && g->k / grid.splits >= 2 * SPLIT_K)
			grid.splits *= 2;
		else if (grid.n > 64 && (grid.n > grid.m || grid.m <= 48))
			grid.n /= 2;
		else if (grid.m > 48)
			grid.m /= 2;
		else
			break;
	}
	grid.m = div_up(div_up(g->m, grid.down), MAX_ROWS) * MAX_ROWS;
	grid.n = div_up(div_up(g->n, grid.across), MAX_COLS) * MAX_COLS;
	grid_count(g, &grid);
	return grid;
}

size_t gemm_scratch(int64_t m, int64_t n, int64_t k)
{
	/* grid_choose() doubles the splits only below GRID_TILES tiles of at most full size. */
	int64_t most = 2 * GRID_TILES * (int64_t)TILE_M * TILE_N;
	int64_t splits = min64(k / SPLIT_K, GRID_TILES);

	return splits < 2 ? 0 : (size_t)min64(most, splits * m * n) * sizeof(float);
}

struct run {
	const struct gemm *g;
	const struct gemm_isa *isa;
	struct grid grid;
};

static void run_tile(void *ctx, long tile)
{
	const struct run *r = ctx;
	const struct grid *d = &r->grid;
	int64_t i = tile % d->down * d->m, j = tile / d->down % d->across * d->n;
	int64_t split = tile / (d->down * d->across);
	struct gemm g = *r->g;

	if (d->splits > 1) {
		int64_t step = div_up(g.k, d->splits), p = split * step;

		g.a += p * g.a_col;
		g.b += p * g.b_row;
		g.k = min64(g.k - p, step);
		g.c = g.partial + split * g.m * g.n;
		g.c_row = g.n;
		g.bias = NULL;
		g.add = false;
	}
	if (uses_dots(&g)) {
		g.b += j * g.b_col;
		g.c += j;
		g.bias = g.bias ? g.bias + j : NULL;
		g.n = min64(g.n - j, d->n);
		r->isa->dots(&g);
	} else {
		compute_block(&g, r->isa, i, j, min64(g.m - i, d->m), min64(g.n - j, d->n));
	}
}

/* One row of C from the splits' partial sums, in order. */
static void add_splits(void *ctx, long row)
{
	const struct run *r = ctx;
	const struct gemm *g = r->g;
	const float *from = g->partial + row * g->n;
	float *c = g->c + row * g->c_row;

	for (int64_t j = 0; j < g->n; j++) {
		float x = g->bias ? g->bias[j] : 0;

		c[j] = (g->add ? c[j] : 0) + x;
	}
	for (int64_t s = 0; s < r->grid.splits; s++, from += g->m * g->n)
		for (int64_t j = 0; j < g->n; j++)
			c[j] += from[j];
}

void gemm_run(const struct gemm *g)
{
	struct run r = { .g = g, .isa = gemm_isa() };

	if (g->m < 1 || g->n < 1)
		return;
	if (!g->k) {
		fill_constant(g);
		return;
	}
	r.grid = grid_choose(g);
	threads_run((long)(r.grid.down * r.grid.across * r.grid.splits), run_tile, &r);
	if (r.grid.splits > 1)
		threads_run((long)g->m, add_splits, &r);
}
