/* SPDX-License-Identifier: MIT */
/*
 * Training a byte-level BPE tokenizer (Sennrich, Haddow and Birch 2016, algorithm 1).
 *
 * Text is cut into words as bpe.h says.  Ids: the special tokens, then the 256 bytes in the
 * order of their characters (bytelevel.h), then one token per merge.  Again and again the
 * pair of neighbours that is most frequent in the words, each counted as often as it occurs,
 * becomes one token; of equally frequent pairs the one with the smaller left id, then with
 * the smaller right id.  In "aaa" the pair (a, a) counts twice, and the left one is merged.
 *
 * This is the rule of Hugging Face's BpeTrainer, and the files are the same
 * (scripts/peers/train-tokenizer.py).  Two cases that text hardly has are decided here:
 *   - a pair that spells what is a token already leads to that token: a merge, no new token;
 *   - a pair that spells a special token is never merged.
 */
#ifndef DATA_BPE_TRAIN_H
#define DATA_BPE_TRAIN_H

#include <stddef.h>
#include <stdint.h>

#include "data/tokenizer.h"

#define BPE_SPECIAL_MAX	256	/* longest spelling of a special token */

/** struct bpe_training - what to train on. */
struct bpe_training {
	const char *const *input;	/* (nr_input) text files */
	int nr_input;
	const char *const *special;	/* (nr_special) besides <|endoftext|>, which is first */
	int nr_special;
	const char *pattern;		/* a name or "regex:TEXT"; NULL: "gpt2" */
	uint32_t vocab;			/* tokens wanted, all included */
	uint64_t min_count;		/* pairs that occur less often are not merged */
	size_t tile_bytes;		/* 0: the default; for tests: the result is the same */
};

/** struct bpe_trained - what was found on the way. */
struct bpe_trained {
	uint64_t bytes, documents;
	uint64_t words;			/* in all */
	uint32_t different_words;
};

/**
 * bpe_train() - make a tokenizer.
 * @tok: may have fewer tokens than asked for, when no pair is left that occurs often enough
 *
 * The result does not depend on the number of threads.  Shows progress.
 * Return: 0; -EINVAL with a message if the vocabulary has no room for bytes and special
 * tokens, a special token is empty, no UTF-8, given twice or spelled like a byte, the
 * pattern is unknown or a file cannot be used; -errno.
 */
int bpe_train(const struct bpe_training *opt, struct bpe_trained *info,
	      struct tokenizer **tok);

/** bpe_pattern_names() - append the names of the patterns: "gpt2, llama3". */
void bpe_pattern_names(struct strbuf *sb);

#endif
