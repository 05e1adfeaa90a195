/* SPDX-License-Identifier: MIT */
/*
 * Which pairs of tokens stand next to each other in the words, how often and where, kept up
 * to date while pairs are merged.
 *
 * All words lie in one row of slots, one per byte.  A token of n bytes has its id in its
 * first and its last slot, so that both neighbours are found from the lengths of the tokens
 * alone.  The places of a pair are those where it began at some time: they are checked when
 * they are used, so that nothing is taken out of a list.
 */
#ifndef DATA_BPE_MERGES_H
#define DATA_BPE_MERGES_H

#include <stdint.h>

#include "data/word-count.h"

struct bpe_merges;

/**
 * bpe_merges_new() - count the pairs of bytes in @words, which must outlive it.
 * @of_byte: (256) ids of the bytes
 * @vocab: ids will be below it
 * @min_count: pairs below it are never the best
 */
int bpe_merges_new(const struct word_counts *words, const uint32_t *of_byte, uint32_t vocab,
		   uint64_t min_count, struct bpe_merges **m);
void bpe_merges_free(struct bpe_merges *m);

/**
 * bpe_merges_best() - the most frequent pair, which is taken out of the running.
 * Return: its number for bpe_merges_apply(), or -1 if none occurs min_count times.
 */
long bpe_merges_best(struct bpe_merges *m, uint32_t *left, uint32_t *right);

/** bpe_merges_apply() - make pair number @pair token @id everywhere. 0 or -errno. */
int bpe_merges_apply(struct bpe_merges *m, long pair, uint32_t id);

#endif
