// SPDX-License-Identifier: MIT
#include "ops/broadcast-to.h"

#include "arch/cpu/convert.h"
#include "arch/cpu/map.h"
#include "base/thread.h"

SIMD_CLONES static void divide_run(const void *arg, const float *a, const float *b, float *y,
				   int64_t n)
{
	float copies = *(const float *)arg;

	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		y[i] = b[i] / copies;
}

struct repeat {
	const void *x;
	void *y;
	enum dtype type;	/* of both */
	int64_t rows, length;
	float copies;
};

static void repeat_tile(void *ctx, long tile)
{
	const struct repeat *r = ctx;
	int64_t row = tile * rows_per_tile(r->length);
	int64_t end = chunk_end(r->rows, rows_per_tile(r->length), row);

	for (; row < end; row++) {
		float value = load_as(r->type, r->x, row) / r->copies;

		for (int64_t i = 0; i < r->length; i++)
			store_as(r->type, r->y, row * r->length + i, value);
	}
}

static int broadcast_to_plain(const struct call *c)
{
	const struct broadcast_to_attr *a = c->attr;
	int64_t n = layout_count(&c->out[0]), nx = layout_count(&c->in[0]);
	struct repeat r = {
		.x = c->in_data[0],
		.y = c->out_data[0],
		.type = c->out[0].dtype,
		.rows = nx,
		.length = n / nx,
		.copies = a->average ? (float)(n / nx) : 1,
	};

	if (!a->last)
		return pairs_run(c, divide_run, &r.copies, -1, 0);
	threads_run(chunk_count(nx, rows_per_tile(r.length)), repeat_tile, &r);
	return 0;
}
KERNEL_REGISTER_AS(broadcast_to_plain, broadcast_to, .arch = "cpu", .rank = 0,
		   .run = broadcast_to_plain);
