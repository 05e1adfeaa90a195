/* SPDX-License-Identifier: MIT */
/*
 * What the attention kernels for CPUs share: sizes, which keys a query sees, blocks.
 *
 * Queries and keys are taken BLOCK at a time, at fixed positions, so that the (T, T)
 * weights never exist as a whole and the bits depend on shapes only.  Inside of a block
 * they form groups: what no query of a group sees of a group of keys is left out.
 */
#ifndef ARCH_CPU_ATTENTION_BLOCK_H
#define ARCH_CPU_ATTENTION_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/cpu/attention-simd.h"
#include "arch/cpu/mm.h"
#include "arch/cpu/rotation.h"
#include "ops/attention.h"
#include "tensor/op.h"

#define NR_SLOTS 32		/* pieces of scratch: units are shared out among so many tiles */

/** struct attention_sizes - a call in short; inputs 0 to 5 of all ops are the same. */
struct attention_sizes {
	const struct call *c;
	const struct attention_attr *a;
	int64_t batch, tq, tk, heads, kv_heads, group, d, dv;
	int64_t wide_d, wide_dv;	/* with zeros up to whole vectors */
	float scale;
	const struct attention_simd *simd;
	mm_fn mm;
	int step;		/* elements in a word: 1 float or 2 bf16, see mm.h */
	const struct rotation *rotation;	/* of q and k; NULL: none */
};

/** struct span - the keys first ... last, which a query sees; none if last < first. */
struct span {
	int32_t first, last;
};

/** attention_sizes() - @c's sizes. */
struct attention_sizes attention_sizes(const struct call *c);

/**
 * attention_angles() - floats at the beginning of a call's scratch that attention_rotation()
 * wants, and attention_room() - floats that turning rows needs; 0 if nothing turns.
 */
int64_t attention_angles(const struct attention_sizes *s);
int64_t attention_room(const struct attention_sizes *s);

/** attention_rotation() - make @r if q and k turn, and have @s know it. */
void attention_rotation(struct attention_sizes *s, struct rotation *r);

/** attention_check() - -EINVAL if a kv_length is negative or beyond the keys. */
int attention_check(const struct attention_sizes *s);

/** attention_span() - the keys that query @i of sequence @b sees. */
struct span attention_span(const struct attention_sizes *s, int64_t b, int64_t i);

/** struct rows - some rows of one head as words: row r begins at data + r * stride. */
struct rows {
	const float *data;
	int64_t stride;
};

/**
 * attention_floats() - rows @first ... @first + @nr of head @h of input @in, (B, T, H, D).
 * @copy: (nr, D rounded up to MM_COLS), filled, with zeros behind D, if the input's own
 *	elements are not whole vectors of adjacent floats
 */
struct rows attention_floats(const struct call *c, int in, int64_t b, int64_t h, int64_t first,
			     int64_t nr, float *copy);

/** attention_rows() - the same as the words that products take: floats or bf16. */
struct rows attention_rows(const struct attention_sizes *s, int in, int64_t b, int64_t h,
			   int64_t first, int64_t nr, float *copy);

/**
 * attention_turned() - attention_rows() of q or k, turned to their positions.
 * @to: (nr, D rounded up to MM_COLS), filled; @room: attention_room()
 */
struct rows attention_turned(const struct attention_sizes *s, int in, int64_t b, int64_t h,
			     int64_t first, int64_t nr, float *to, float *room);

/**
 * attention_pairs() - rows as the second factor of a product over them.
 * @nr: rows of @width elements, @width a multiple of MM_COLS
 * @to: (nr / 2 rounded up, width) words: filled if words are pairs of rows
 */
struct rows attention_pairs(const struct attention_sizes *s, struct rows from, int64_t nr,
			    int64_t width, float *to);

/** attention_store() - @n floats times @factor to element @at of output @o. */
void attention_store(const struct call *c, int o, int64_t at, const float *from, float factor,
		     int64_t n);

/** attention_store_back() - the same for the gradient of a head that was turned to @position. */
void attention_store_back(const struct attention_sizes *s, int o, int64_t at, const float *from,
			  float factor, int32_t position, float *room);

/** words() - how many words @n elements take that are summed over. */
static inline int64_t words(const struct attention_sizes *s, int64_t n)
{
	return (n + s->step - 1) / s->step;
}

/**
 * attention_ahead() - have the products ask for @nr rows from @first on of head @h of input @in.
 * attention_ahead_out() - for BLOCK rows of a head that will be written: element @at of output
 * @o, @stride elements apart.
 */
void attention_ahead(struct mm_ahead *a, const struct call *c, int in, int64_t b, int64_t h,
		     int64_t first);
void attention_ahead_out(struct mm_ahead *a, const struct call *c, int o, int64_t at,
			 int64_t stride, int64_t nr, int64_t width);

/**
 * struct sight - what a group of queries sees.
 * @first, @last: keys seen by any of them
 * @all_first, @all_last: keys seen by all of them
 */
struct sight {
	int32_t first, last, all_first, all_last;
};

/** sight_of() - of @nr queries that see keys @first[i] ... @last[i]. */
struct sight sight_of(const int32_t *first, const int32_t *last, int64_t nr);

/**
 * struct reach - which groups of a block of queries and of a block of keys meet.
 * @keys: of each group of queries: the groups of keys that it sees, and those between
 * @queries: of each group of keys: the groups of queries that have it in their @keys, and
 *	those between
 * @both: of each group of queries: the groups of keys that have it in their @queries
 * @masked: does a query of the group not see a key of @both?
 */
struct reach {
	struct range keys[GROUPS], queries[GROUPS], both[GROUPS];
	bool masked[GROUPS];
	int nr_queries, nr_keys;	/* groups */
};

/** reach_make() - for @nr groups of queries and keys @key ... @key + @nr_keys: does any meet? */
bool reach_make(struct reach *r, const struct sight *s, int nr, int64_t key, int64_t nr_keys);

/** run_end() - the first group after @i whose range is not the same. */
static inline int run_end(const struct range *r, int i, int nr)
{
	int end = i + 1;

	while (end < nr && r[end].first == r[i].first && r[end].end == r[i].end)
		end++;
	return end;
}

static inline int64_t blocks_of(int64_t n)
{
	return (n + BLOCK - 1) / BLOCK;
}

/* The first of @nr units that @tile works on; those of a tile are neighbours. */
static inline int64_t first_unit(int64_t nr, long tile)
{
	return nr * tile / NR_SLOTS;
}

static inline int64_t groups_of(int64_t n)
{
	return (n + GROUP - 1) / GROUP;
}

/* Rounded up to whole vectors. */
static inline int64_t wide(int64_t n)
{
	return (n + MM_COLS - 1) / MM_COLS * MM_COLS;
}

static inline int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

#endif
