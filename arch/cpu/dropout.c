// SPDX-License-Identifier: MIT
#include "ops/dropout.h"

#include "arch/cpu/convert.h"
#include "base/rng.h"
#include "base/thread.h"

/* Elements; the numbers of the blocks of a tile differ in their low 32 bits only. */
#define TILE (4 * PART)

/* rng_block() for @nr blocks from @first on, which end before 2^32 is reached. */
SIMD_CLONES static void random_words(const struct rng *r, uint64_t first, int nr, uint32_t *words)
{
	const struct rng key = *r;	/* in registers */
	uint32_t low = (uint32_t)first, high = (uint32_t)(first >> 32);

	SIMD_LOOP
	for (int j = 0; j < nr; j++) {
		uint32_t c0 = low + (uint32_t)j, c1 = high, c2 = key.step[0], c3 = key.step[1];
		uint32_t k0 = key.key[0], k1 = key.key[1];

		SIMD_UNROLL
		for (int round = 0; round < 10; round++) {
			uint64_t p0 = (uint64_t)0xD2511F53u * c0;
			uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;

			c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
			c1 = (uint32_t)p1;
			c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
			c3 = (uint32_t)p0;
			k0 += 0x9E3779B9u;
			k1 += 0xBB67AE85u;
		}
		words[4 * j] = c0;
		words[4 * j + 1] = c1;
		words[4 * j + 2] = c2;
		words[4 * j + 3] = c3;
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
		uint32_t words[PART];

		n = end - at < PART ? end - at : PART;
		random_words(&r, (uint64_t)at / 4, (int)(n + 3) / 4, words);
		drop(words, a->rate, floats_at(c->in_data[0], type, at, x_part, n),
		     type == DT_F32 ? to : y_part, n);
		if (type != DT_F32)
			narrow(y_part, type, to, n);
	}
}

static int dropout_plain(const struct call *c)
{
	threads_run(chunk_count(layout_count(&c->out[0]), TILE), dropout_tile, (void *)c);
	return 0;
}
KERNEL_REGISTER_AS(dropout_plain, dropout, .arch = "cpu", .rank = 0, .run = dropout_plain);
