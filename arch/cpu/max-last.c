// SPDX-License-Identifier: MIT
#include <math.h>

#include "arch/cpu/loops.h"
#include "base/thread.h"

/* Lanes, so that it is vectorized; a NaN is noticed beside the comparisons. */
SIMD_CLONES static float max_row(const float *x, int64_t n)
{
	float max[LANES];
	int nan = 0;
	int64_t at = 0;

	for (int j = 0; j < LANES; j++)
		max[j] = -INFINITY;
	for (; at + LANES <= n; at += LANES)
		for (int j = 0; j < LANES; j++) {
			max[j] = x[at + j] > max[j] ? x[at + j] : max[j];
			nan |= x[at + j] != x[at + j];
		}
	for (; at < n; at++) {
		max[0] = x[at] > max[0] ? x[at] : max[0];
		nan |= x[at] != x[at];
	}
	for (int j = 1; j < LANES; j++)
		max[0] = max[j] > max[0] ? max[j] : max[0];
	return nan ? NAN : max[0];
}

static void max_tile(void *ctx, long tile)
{
	const struct call *c = ctx;
	int64_t n = layout_last(&c->in[0]), row = tile * rows_per_tile(n);
	int64_t end = chunk_end(layout_rows(&c->in[0]), rows_per_tile(n), row);

	for (; row < end; row++)
		((float *)c->out_data[0])[row] =
			max_row((const float *)c->in_data[0] + row * n, n);
}

static int max_last_plain(const struct call *c)
{
	int64_t rows = layout_rows(&c->in[0]), n = layout_last(&c->in[0]);

	threads_run(chunk_count(rows, rows_per_tile(n)), max_tile, (void *)c);
	return 0;
}
KERNEL_REGISTER_AS(max_last_plain, max_last, .arch = "cpu", .rank = 0, .run = max_last_plain);
