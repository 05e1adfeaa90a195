// SPDX-License-Identifier: MIT
#include "arch/cpu/columns.h"
#include "arch/cpu/convert.h"

static int64_t cols_of(const struct call *c)
{
	return layout_count(&c->out[0]);
}

static int64_t rows_of(const struct call *c)
{
	return layout_count(&c->in[0]) / cols_of(c);
}

SIMD_INLINE void add_typed(enum dtype type, const void *x, int64_t stride, int64_t rows,
			   int64_t n, double *sum)
{
	for (int64_t r = 0; r < rows; r++) {
		SIMD_LOOP
		for (int64_t i = 0; i < n; i++)
			sum[i] += load_as(type, x, r * stride + i);
	}
}

SIMD_CLONES static void add_rows(enum dtype type, const void *x, int64_t stride, int64_t rows,
				 int64_t n, double *sum)
{
	if (type == DT_BF16)
		add_typed(DT_BF16, x, stride, rows, n, sum);
	else
		add_typed(DT_F32, x, stride, rows, n, sum);
}

static void sum_to_part(const struct call *c, int64_t row, int64_t row_end, int64_t col,
			int64_t n, double *const *sum)
{
	enum dtype type = c->in[0].dtype;
	int64_t cols = cols_of(c);

	add_rows(type, data_at(c->in_data[0], type, row * cols + col), cols, row_end - row, n,
		 sum[0]);
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
