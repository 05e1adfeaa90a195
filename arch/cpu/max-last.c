// SPDX-License-Identifier: MIT
#include <math.h>

#include "arch/cpu/convert.h"
#include "base/thread.h"

/* Lanes, so that it is vectorized; a NaN is noticed beside the comparisons. */
SIMD_INLINE float max_of(enum dtype type, const void *x, int64_t n)
{
	float max[LANES];
	int nan = 0;
	int64_t at = 0;

	for (int j = 0; j < LANES; j++)
		max[j] = -INFINITY;
	for (; at + LANES <= n; at += LANES)
		for (int j = 0; j < LANES; j++) {
			float value = load_as(type, x, at + j);

			max[j] = value > max[j] ? value : max[j];
			nan |= value != value;
		}
	for (; at < n; at++) {
		float value = load_as(type, x, at);

		max[0] = value > max[0] ? value : max[0];
		nan |= value != value;
	}
	for (int j = 1; j < LANES; j++)
		max[0] = max[j] > max[0] ? max[j] : max[0];
	return nan ? NAN : max[0];
}

SIMD_CLONES static float max_row(const void *x, enum dtype type, int64_t n)
{
	return type == DT_BF16 ? max_of(DT_BF16, x, n) : max_of(DT_F32, x, n);
}

static void max_tile(void *ctx, long tile)
{
	const struct call *c = ctx;
	int64_t n = layout_last(&c->in[0]), row = tile * rows_per_tile(n);
	int64_t end = chunk_end(layout_rows(&c->in[0]), rows_per_tile(n), row);

	for (; row < end; row++)
		((float *)c->out_data[0])[row] =
			max_row(data_at(c->in_data[0], c->in[0].dtype, row * n), c->in[0].dtype, n);
}

static int max_last_plain(const struct call *c)
{
	int64_t rows = layout_rows(&c->in[0]), n = layout_last(&c->in[0]);

	threads_run_shares(chunk_count(rows, rows_per_tile(n)), max_tile, (void *)c);
	return 0;
}
KERNEL_REGISTER_AS(max_last_plain, max_last, .arch = "cpu", .rank = 0, .run = max_last_plain);
