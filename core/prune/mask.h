/* SPDX-License-Identifier: MIT */
/*
 * Masks: one bit per weight, 1 where the weight is kept.
 *
 * Bit i of a mask is bit i % 64 of word i / 64, for element i in row-major order of
 * (out, in).  Bits behind the last weight are 0, so that equal masks have equal words.
 * Files: Documentation/formats/masks.md.
 */
#ifndef PRUNE_MASK_H
#define PRUNE_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/dtype.h"

#define MASK_WORD 64

/** mask_words() - words of a mask of @nr weights. */
static inline int64_t mask_words(int64_t nr)
{
	return (nr + MASK_WORD - 1) / MASK_WORD;
}

/** mask_new() - @nr weights, all kept; NULL with a message. free() it. */
uint64_t *mask_new(int64_t nr);

static inline bool mask_get(const uint64_t *mask, int64_t i)
{
	return mask[i / MASK_WORD] >> (i % MASK_WORD) & 1;
}

static inline void mask_set(uint64_t *mask, int64_t i, bool keep)
{
	uint64_t bit = (uint64_t)1 << (i % MASK_WORD);

	mask[i / MASK_WORD] = keep ? mask[i / MASK_WORD] | bit : mask[i / MASK_WORD] & ~bit;
}

/** mask_kept() - weights that are kept. */
int64_t mask_kept(const uint64_t *mask, int64_t nr);

/** mask_changed() - weights of which one mask says otherwise than the other. */
int64_t mask_changed(const uint64_t *a, const uint64_t *b, int64_t nr);

/** mask_regrown() - weights that @before dropped and @now keeps. */
int64_t mask_regrown(const uint64_t *before, const uint64_t *now, int64_t nr);

/** mask_common() - weights that both keep; Jaccard = common / (kept a + kept b - common). */
int64_t mask_common(const uint64_t *a, const uint64_t *b, int64_t nr);

/** mask_jaccard() - of sums over tensors; 1 if neither keeps anything. */
double mask_jaccard(int64_t kept_a, int64_t kept_b, int64_t common);

/**
 * mask_apply() - dropped weights become +0; the others stay what they are, bit for bit.
 * @dtype: a plain float type
 */
void mask_apply(const uint64_t *mask, int64_t nr, enum dtype dtype, void *weights);

#endif
