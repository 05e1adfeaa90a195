/* SPDX-License-Identifier: MIT */
/*
 * The inner loops of attention, for each instruction set.
 *
 * Weights are powers of two: 2^(s factor - base) with factor = scale log2(e), so that the
 * scale and the change of base cost nothing beside the subtraction.
 */
#ifndef ARCH_CPU_ATTENTION_SIMD_H
#define ARCH_CPU_ATTENTION_SIMD_H

#include <stdbool.h>
#include <stdint.h>


#define BLOCK	64		/* queries or keys */
#define GROUP	16		/* of them: what is left out at the edges of a mask */
#define GROUPS	(BLOCK / GROUP)

/** struct range - groups first ... end - 1 of a block; none if equal. */
struct range {
	int first, end;
};

/**
 * struct weigh - scores of a block of queries with a block of keys become weights.
 * @scores: (keys, BLOCK): queries lie side by side; written
 * @keys: of each group of queries: the groups of keys to work on
 * @masked: is any of them hidden from any query of the group?
 * @key: number of the block's first key, @nr_keys: of them
 * @first, @last: keys that a query may see
 * @base, @sum: (BLOCK) running maximum of s factor, and sum of weights; updated
 * @shrink: (BLOCK) what the new base makes of older weights
 */
struct weigh {
	float *scores;
	const struct range *keys;
	const bool *masked;
	int nr_groups;
	int32_t key, nr_keys;
	const int32_t *first, *last;
	float factor;
	float *base, *sum, *shrink;
};

/**
 * struct slopes - scores and the gradient of weights become weights and slopes of scores.
 * @weights: (queries, BLOCK) scores, then weights w = 2^(s factor - base), 0 if hidden
 * @slopes: (queries, BLOCK) gradient of w, then w (gradient - delta)
 * @base, @delta, @first, @last: of each query
 */
struct slopes {
	float *weights, *slopes;
	int64_t nr_queries;
	struct range keys;
	bool masked;
	int32_t key;
	const int32_t *first, *last;
	float factor;
	const float *base, *delta;
};

/**
 * struct attention_simd - an instruction set.
 * @transpose: @nr <= BLOCK rows of @width elements to (@width, BLOCK); zeros behind up to
 *	the end of the group
 */
struct attention_simd {
	void (*transpose)(const float *from, int64_t stride, int64_t nr, int64_t width, float *to);
	void (*weigh)(const struct weigh *w);
	void (*slopes)(const struct slopes *s);
};

/**
 * attention_pack() - a column of groups of floats as words of two bf16, from rows 2i and 2i+1.
 * @from: (@nr, BLOCK), GROUP columns of it; @to: (@nr / 2 rounded up, BLOCK); zero for a
 *	row that is missing.  Where mm_kernel_bf16() is not NULL.
 */
void attention_pack(const float *from, int64_t nr, float *to);

/** attention_halve() - @nr floats as bf16. */
void attention_halve(const float *from, int64_t nr, uint16_t *to);

/** attention_interleave() - rows 2i and 2i+1 of @width bf16 as words; @b NULL: zeros. */
void attention_interleave(const uint16_t *a, const uint16_t *b, int64_t width, float *to);

/** attention_simd() - the best for this processor. */
const struct attention_simd *attention_simd(void);

#endif
