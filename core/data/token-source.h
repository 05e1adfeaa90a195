/* SPDX-License-Identifier: MIT */
/*
 * What a file says of a tokenizer, in the file's own spelling.  The readers of files fill
 * it; token_source_make() checks it and builds a tokenizer.
 */
#ifndef DATA_TOKEN_SOURCE_H
#define DATA_TOKEN_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/tokenizer.h"

#define TOKENS_MAX	(1u << 22)

/** struct token_def - a token; strings belong to the reader. @text: NULL: not there yet. */
struct token_def {
	const char *text;
	uint32_t len;
	uint8_t type;			/* enum token_type */
	uint8_t flags;			/* MARK_LSTRIP, ... */
	float score;
};

/** struct token_pair - a merge. */
struct token_pair {
	const char *left, *right;
	size_t left_len, right_len;
};

struct token_source {
	const char *path;		/* of the vocabulary, for messages */
	const char *merges_path;	/* of the merges */
	enum token_method method;
	struct token_def *tokens;	/* (vocab) */
	uint32_t vocab;
	struct token_pair *merges;	/* (nr_merges) by rank */
	uint32_t nr_merges;
	const char *splits[TOKEN_SPLITS_MAX];
	int nr_splits;
	struct normalizer *normalizer;	/* token_source_make() takes it over */
	bool ignore_merges, byte_fallback, fuse_unk, strip_space;
	bool single;			/* sums of scores in single precision */
	bool raw_added;			/* user-defined tokens have no U+2581 for spaces */
	uint32_t eot, bos, eos, unk, pad;
	bool add_bos, add_eos;
};

/** token_source_alloc() - room for @vocab tokens and @nr_merges merges; ids TOKEN_NONE. */
int token_source_alloc(struct token_source *src, size_t vocab, size_t nr_merges);
void token_source_free(struct token_source *src);

/**
 * token_source_put() - token @id is spelled so; it is normal unless it had a type before.
 * Return: 0; -EINVAL if @id is not below the number of tokens, or is another text.
 */
int token_source_put(struct token_source *src, long long id, const char *text, size_t len);

/** token_source_split() - text is cut by @pattern as well. 0 or -ENOTSUP. */
int token_source_split(struct token_source *src, const char *pattern);

/**
 * token_source_make() - the tokenizer, for the kind @kind.
 *
 * Return: 0; -EINVAL with a message naming the file and the entry: an id without a token,
 * a token that is no UTF-8, two tokens that are the same text, in byte-level BPE one
 * outside the alphabet, a merge of or into an unknown token, a merge given twice, no token
 * that ends a text, a pattern that is no regex, a special id that is not in the vocabulary.
 */
int token_source_make(const struct tokenizer_kind *kind, struct token_source *src,
		      struct tokenizer **tok);

/* For the methods (bpe.c, unigram.c): make one, and fill in what all of them share. */
int token_source_fill(const struct token_source *src, struct tokenizer *tok);
int bpe_new(const struct tokenizer_kind *kind, const struct token_source *src,
	    struct tokenizer **tok);
int unigram_new(const struct tokenizer_kind *kind, const struct token_source *src,
		struct tokenizer **tok);
/** tokenizer_run(), tokenizer_release() - for struct tokenizer_kind of what is made here. */
int tokenizer_run(struct tokenizer *tok, const char *text, size_t len, struct token_list *out);
void tokenizer_release(struct tokenizer *tok);

#endif
