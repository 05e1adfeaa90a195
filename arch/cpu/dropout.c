// SPDX-License-Identifier: MIT
#include "ops/dropout.h"

#include "base/rng.h"
#include "base/thread.h"
#include "tensor/op.h"

#define TILE 4096	/* elements; a multiple of the 4 words of a random block */

static void dropout_tile(void *ctx, long tile)
{
	const struct call *c = ctx;
	const struct dropout_attr *a = c->attr;
	const int64_t *key = c->in_data[1];
	struct rng r = rng_stream_hashed((uint64_t)key[0], a->purpose, (uint64_t)key[1]);
	const float *x = c->in_data[0];
	float *y = c->out_data[0], scale = 1 / (1 - a->rate);
	int64_t count = layout_count(&c->out[0]), first = (int64_t)tile * TILE;
	int64_t last = first + TILE < count ? first + TILE : count;

	for (int64_t i = first; i < last; i += 4) {
		int64_t end = i + 4 < last ? i + 4 : last;
		uint32_t word[4];

		/* What rng_uniform() does, four elements at a time. */
		rng_block(&r, (uint64_t)i / 4, word);
		for (int64_t e = i; e < end; e++) {
			float u = (float)(word[e & 3] >> 8) * 0x1p-24f;

			y[e] = u < a->rate ? 0 : x[e] * scale;
		}
	}
}

static int dropout_plain(const struct call *c)
{
	threads_run((layout_count(&c->out[0]) + TILE - 1) / TILE, dropout_tile, (void *)c);
	return 0;
}
KERNEL_REGISTER_AS(dropout_plain, dropout, .arch = "cpu", .rank = 0, .run = dropout_plain);
