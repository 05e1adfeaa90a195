/* SPDX-License-Identifier: MIT */
/*
 * Random numbers without state: Philox 4x32-10 (Salmon et al., "Parallel random
 * numbers: as easy as 1, 2, 3", SC11, table 2 and section 3.3).
 *
 * A number is a pure function of (seed, purpose, step, element).  So a resumed run,
 * a recomputed activation, a forked arm and any number of threads draw the same
 * numbers, and adding a draw somewhere shifts no other.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

/**
 * struct rng - a stream: all numbers of one purpose at one step.
 *
 * Keep the purpose's full name, such as "init/transformer.h.3.attn.c_attn.weight":
 * two streams differ unless seed, name and step are all equal.
 */
struct rng {
	uint32_t key[2];	/* from seed and purpose */
	uint32_t step[2];
};

/** rng_stream() - the stream of (@seed, @purpose, @step). */
struct rng rng_stream(uint64_t seed, const char *purpose, uint64_t step);

/** rng_stream_hashed() - the same with hash_name(purpose) already taken. */
struct rng rng_stream_hashed(uint64_t seed, uint64_t purpose_hash, uint64_t step);

/** rng_block() - the four 32-bit words number 4*block ... 4*block+3 of the stream. */
void rng_block(const struct rng *r, uint64_t block, uint32_t out[4]);

/** rng_u32() - word number @element. */
uint32_t rng_u32(const struct rng *r, uint64_t element);

/** rng_uniform() - number @element in [0, 1), multiples of 2^-24. */
float rng_uniform(const struct rng *r, uint64_t element);

/** rng_below() - integer number @element in [0, n), n > 0; bias below 2^-32. */
uint64_t rng_below(const struct rng *r, uint64_t element, uint64_t n);

/** rng_normal() - standard normal number @element (Box-Muller over words 2e, 2e+1). */
float rng_normal(const struct rng *r, uint64_t element);

/**
 * rng_permute() - image of @i under a permutation of [0, n) keyed by the stream.
 *
 * A four-round Feistel network over the next power of four with cycle walking:
 * any element of the permutation without building it.
 */
uint64_t rng_permute(const struct rng *r, uint64_t i, uint64_t n);

#endif
