/* SPDX-License-Identifier: MIT */
/*
 * Byte-level byte-pair encoding (Sennrich, Haddow and Birch 2016, algorithm 1; over bytes
 * as in GPT-2's encoder.py): text is cut into words by a regex, and in each word the pair
 * with the lowest rank, the leftmost of equals, is merged until no pair has a rank.
 *
 * The readers of files fill a struct bpe_source; bpe_new() checks it and builds the tables.
 *
 * Bytes that are not valid UTF-8: text is first cut into the longest runs of valid and of
 * invalid bytes.  A valid run is cut into words by the regex, an invalid run is one word.
 * So valid text gives the reference's ids, and every input can be decoded to itself.
 * A word of more than BPE_WORD_MAX bytes (a megabyte without a blank) is cut at that length.
 */
#ifndef DATA_BPE_H
#define DATA_BPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/tokenizer.h"

#define BPE_VOCAB_MAX	(1u << 22)
#define BPE_WORD_MAX	((size_t)1 << 20)

/** struct bpe_pair - a merge as the file spells it. */
struct bpe_pair {
	const char *left, *right;
	size_t left_len, right_len;
};

/** struct bpe_source - what a file says, in its spelling; strings belong to the reader. */
struct bpe_source {
	const char *path;		/* of the vocabulary, for messages */
	const char *merges_path;	/* of the merges */
	const char **tokens;		/* (vocab) NULL where no token has that id */
	bool *special;			/* (vocab) spelled as it is, not byte-level */
	uint32_t vocab;
	struct bpe_pair *merges;	/* (nr_merges) by rank */
	uint32_t nr_merges;
	const char *pattern;		/* NULL: text is one word */
	bool ignore_merges;
};

/** bpe_source_alloc() - room for @vocab tokens and @nr_merges merges, all NULL. */
int bpe_source_alloc(struct bpe_source *src, size_t vocab, size_t nr_merges);
void bpe_source_free(struct bpe_source *src);

/**
 * bpe_put() - token @id is spelled @text.
 * Return: 0; -EINVAL if @id is not below the number of tokens, or is taken.
 */
int bpe_put(struct bpe_source *src, long long id, const char *text);

/**
 * bpe_new() - a tokenizer from @src, for the kind @kind.
 *
 * Return: 0; -EINVAL with a message naming the file and the entry: an id without a token,
 * a token outside the byte-level alphabet, a byte without a token, a merge of or into an
 * unknown token, a merge given twice, no end-of-text token, a pattern that is no regex.
 */
int bpe_new(const struct tokenizer_kind *kind, const struct bpe_source *src,
	    struct tokenizer **tok);

/** bpe_encode(), bpe_release() - for struct tokenizer_kind. */
int bpe_encode(struct tokenizer *tok, const char *text, size_t len, struct token_list *out);
void bpe_release(struct tokenizer *tok);

#endif
