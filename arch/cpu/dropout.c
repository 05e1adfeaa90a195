// SPDX-License-Identifier: MIT
#include "ops/dropout.h"

#include "arch/cpu/convert.h"
#include "base/rng.h"
#include "base/thread.h"

/* Elements; the numbers of the blocks of a tile differ in their low 32 bits only. */
#define TILE (4 * PART)

/*
 * rng_block() for @nr blocks from @first on, which end before 2^32 is reached.
 *
 * The words of a block are in the low halves of 64 bits: the upper halves, which a product
 * leaves there, are never looked at, and no word changes its place in a vector.  @pairs has
 * the words two by two: in memory of the processors that this runs on, one by one.
 */
SIMD_CLONES static void random_words(const struct rng *r, uint64_t first, int nr,
				      uint64_t *pairs)
{
	const struct rng key = *r;	/* in registers */
	const uint64_t low = 0xffffffffu;

	SIMD_LOOP
	for (int j = 0; j < nr; j++) {
		uint64_t c0 = (first & low) + (uint64_t)j, c1 = first >> 32;
		uint64_t c2 = key.step[0], c3 = key.step[1];
		uint32_t k0 = key.key[0], k1 = key.key[1];

		SIMD_UNROLL
		for (int round = 0; round < 10; round++) {
			uint64_t p0 = (uint64_t)0xD2511F53u * (c0 & low);
			uint64_t p1 = (uint64_t)0xCD9E8D57u * (c2 & low);

			c0 = p1 >> 32 ^ c1 ^ k0;
			c1 = p1;
			c2 = p0 >> 32 ^ c3 ^ k1;
			c3 = p0;
			k0 += 0x9E3779B9u;
			k1 += 0xBB67AE85u;
		}
		pairs[2 * j] = (c0 & low) | c1 << 32;
		pairs[2 * j + 1] = (c2 & low) | c3 << 32;
	}
}

/* rng_uniform() of the words, below the rate or not. */
SIMD_CLONES static void drop(const uint32_t *words, float rate, const float *x, float *y,
			     int64_t n)
{
	float scale = 1 / (1 - rate);

	SIMD_LOOP
	for (int64_t i = 0; i < n; i++) {
		float u = (float)(int32_t)(words[i] >> 8) * 0x1p-24f;

		y[i] = u < rate ? 0 : x[i] * scale;
	}
}

static void dropout_tile(void *ctx, long tile)
{
	const struct call *c = ctx;
	const struct dropout_attr *a = c->attr;
	const int64_t *key = c->in_data[1];
	struct rng r = rng_stream_hashed((uint64_t)key[0], a->purpose, (uint64_t)key[1]);
	enum dtype type = c->in[0].dtype;
	int64_t at = tile * (int64_t)TILE, end = chunk_end(layout_count(&c->out[0]), TILE, at);

	for (int64_t n; at < end; at += n) {
		float x_part[PART], y_part[PART];
		void *to = (void *)data_at(c->out_data[0], type, at);
		uint64_t pairs[PART / 2];

		n = end - at < PART ? end - at : PART;
		random_words(&r, (uint64_t)at / 4, (int)(n + 3) / 4, pairs);
		drop((const uint32_t *)pairs, a->rate,
		     floats_at(c->in_data[0], type, at, x_part, n),
		     type == DT_F32 ? to : y_part, n);
		if (type != DT_F32)
			narrow(y_part, type, to, n);
	}
}

static int dropout_plain(const struct call *c)
{
	threads_run_shares(chunk_count(layout_count(&c->out[0]), TILE), dropout_tile, (void *)c);
	return 0;
}
KERNEL_REGISTER_AS(dropout_plain, dropout, .arch = "cpu", .rank = 0, .run = dropout_plain);
