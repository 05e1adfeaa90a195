/* SPDX-License-Identifier: MIT */
/*
 * What the attention kernels for CPUs share: sizes, which keys a query sees, blocks.
 *
 * Queries and keys are taken BLOCK at a time, at fixed positions, so that the (T, T)
 * weights never exist as a whole and the bits depend on shapes only.
 */
#ifndef ARCH_CPU_ATTENTION_BLOCK_H
#define ARCH_CPU_ATTENTION_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "ops/attention.h"
#include "tensor/op.h"

#define BLOCK 64		/* queries or keys */
#define NR_SLOTS 64		/* pieces of scratch: each slot takes units slot, slot + 64 ... */

/** struct attention_sizes - a call in short; inputs 0 to 4 of both ops are the same. */
struct attention_sizes {
	const struct call *c;
	const struct attention_attr *a;
	int64_t batch, tq, tk, heads, kv_heads, group, d, dv;
	float scale;
};

/** struct span - the keys first ... last, which a query sees; none if last < first. */
struct span {
	int32_t first, last;
};

/** attention_sizes() - @c's sizes. */
struct attention_sizes attention_sizes(const struct call *c);

/** attention_check() - -EINVAL if a kv_length is negative or beyond the keys. */
int attention_check(const struct attention_sizes *s);

/** attention_span() - the keys that query @i of sequence @b sees. */
struct span attention_span(const struct attention_sizes *s, int64_t b, int64_t i);

/** struct rows - some rows of one head as floats: row r begins at data + r * stride. */
struct rows {
	const float *data;
	int64_t stride;
};

/**
 * attention_rows() - rows @first ... @first + @nr of head @h of input @in, (B, T, H, D).
 * @copy: (nr, D), filled if the input's own elements are not adjacent floats
 */
struct rows attention_rows(const struct call *c, int in, int64_t b, int64_t h, int64_t first,
			   int64_t nr, float *copy);

/** attention_transpose() - to (width, BLOCK): @nr rows, times @scale; zeros behind. */
void attention_transpose(struct rows from, int64_t nr, int64_t width, float scale, float *to);

static inline int64_t blocks_of(int64_t n)
{
	return (n + BLOCK - 1) / BLOCK;
}

static inline int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

#endif
