// SPDX-License-Identifier: MIT
#include "arch/cpu/convert.h"
#include "base/thread.h"

SIMD_CLONES static float sum_row(const void *x, enum dtype type, int64_t n)
{
	if (type == DT_BF16)
		return (float)LANES_SUM(n, i, load_as(DT_BF16, x, i));
	return (float)LANES_SUM(n, i, load_as(DT_F32, x, i));
}

static void sum_tile(void *ctx, long tile)
{
	const struct call *c = ctx;
	int64_t n = layout_last(&c->in[0]), row = tile * rows_per_tile(n);
	int64_t end = chunk_end(layout_rows(&c->in[0]), rows_per_tile(n), row);

	for (; row < end; row++)
		((float *)c->out_data[0])[row] =
			sum_row(data_at(c->in_data[0], c->in[0].dtype, row * n), c->in[0].dtype, n);
}

static int sum_last_plain(const struct call *c)
{
	int64_t rows = layout_rows(&c->in[0]), n = layout_last(&c->in[0]);

	threads_run_shares(chunk_count(rows, rows_per_tile(n)), sum_tile, (void *)c);
	return 0;
}
KERNEL_REGISTER_AS(sum_last_plain, sum_last, .arch = "cpu", .rank = 0, .run = sum_last_plain);
