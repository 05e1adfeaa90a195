// SPDX-License-Identifier: MIT
#include "arch/cpu/columns.h"
#include "arch/cpu/loops.h"

static int64_t cols_of(const struct call *c)
{
	return layout_count(&c->out[0]);
}

static int64_t rows_of(const struct call *c)
{
	return layout_count(&c->in[0]) / cols_of(c);
}

SIMD_CLONES static void add_rows(const float *x, int64_t stride, int64_t rows, int64_t n,
				 double *sum)
{
	for (int64_t r = 0; r < rows; r++, x += stride) {
		SIMD_LOOP
		for (int64_t i = 0; i < n; i++)
			sum[i] += x[i];
	}
}

static void sum_to_part(const struct call *c, int64_t row, int64_t row_end, int64_t col,
			int64_t n, double *const *sum)
{
	int64_t cols = cols_of(c);

	add_rows((const float *)c->in_data[0] + row * cols + col, cols, row_end - row, n, sum[0]);
}

static size_t sum_to_scratch(const struct call *maximal)
{
	return columns_scratch(rows_of(maximal), cols_of(maximal), 1);
}

static int sum_to_plain(const struct call *c)
{
	return columns_run(c, rows_of(c), cols_of(c), 1, sum_to_part);
}
KERNEL_REGISTER_AS(sum_to_plain, sum_to, .arch = "cpu", .rank = 0, .scratch = sum_to_scratch,
		   .run = sum_to_plain);
