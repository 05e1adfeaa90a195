// SPDX-License-Identifier: MIT
#include "base/rng.h"

#include <math.h>

#include "base/hash.h"

struct rng rng_stream_hashed(uint64_t seed, uint64_t purpose_hash, uint64_t step)
{
	/* Mix the seed (splitmix64's finaliser), so that seeds 1, 2, 3 differ in all bits. */
	uint64_t z = seed + 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	z = (z ^ (z >> 31)) ^ purpose_hash;
	return (struct rng){
		.key = { (uint32_t)z, (uint32_t)(z >> 32) },
		.step = { (uint32_t)step, (uint32_t)(step >> 32) },
	};
}

struct rng rng_stream(uint64_t seed, const char *purpose, uint64_t step)
{
	return rng_stream_hashed(seed, hash_name(purpose), step);
}

void rng_block(const struct rng *r, uint64_t block, uint32_t out[4])
{
	uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32);
	uint32_t c2 = r->step[0], c3 = r->step[1];
	uint32_t k0 = r->key[0], k1 = r->key[1];

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
	out[0] = c0;
	out[1] = c1;
	out[2] = c2;
	out[3] = c3;
}

uint32_t rng_u32(const struct rng *r, uint64_t element)
{
	uint32_t w[4];

	rng_block(r, element >> 2, w);
	return w[element & 3];
}

float rng_uniform(const struct rng *r, uint64_t element)
{
	return (float)(rng_u32(r, element) >> 8) * 0x1p-24f;
}

uint64_t rng_below(const struct rng *r, uint64_t element, uint64_t n)
{
	uint32_t w[4];
	uint64_t x;

	rng_block(r, element >> 1, w);
	x = (uint64_t)w[(element & 1) * 2] << 32 | w[(element & 1) * 2 + 1];
	return (uint64_t)((unsigned __int128)x * n >> 64);
}

float rng_normal(const struct rng *r, uint64_t element)
{
	uint32_t w[4];
	double u, v;

	rng_block(r, element >> 1, w);
	u = (w[(element & 1) * 2] + 0.5) * 0x1p-32;	/* in (0, 1): log is finite */
	v = (w[(element & 1) * 2 + 1] + 0.5) * 0x1p-32;
	return (float)(sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}

uint64_t rng_permute(const struct rng *r, uint64_t i, uint64_t n)
{
	unsigned int half = 1;
	uint64_t mask;

	while (half < 32 && (uint64_t)1 << (2 * half) < n)
		half++;
	mask = ((uint64_t)1 << half) - 1;
	do {
		uint64_t left = i >> half, right = i & mask;

		for (uint32_t round = 0; round < 4; round++) {
			uint32_t w[4];
			uint64_t swap = right;

			rng_block(r, (uint64_t)round << 32 | right, w);
			right = left ^ (w[0] & mask);
			left = swap;
		}
		i = left << half | right;
	} while (i >= n);	/* expected under 4 rounds: the domain is below 4n */
	return i;
}
