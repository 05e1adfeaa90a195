/* SPDX-License-Identifier: MIT */
/*
 * Making a data folder: documents to tokens, training and validation apart.
 *
 * The side of a document follows from a hash of its contents and the seed, so that
 *   - copies of one document are never on both sides,
 *   - a document stays on its side when others are added or reordered, unless it was held out
 *     only because no other was: of several documents one is.
 * Documents keep the order of the files; each is followed by the end-of-text token.
 */
#ifndef DATA_PREPARE_H
#define DATA_PREPARE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/manifest.h"

#define PREPARE_VAL_FRACTION	0.1
#define PREPARE_SHARD_TOKENS	100000000	/* as llm.c */
/* When there is one document only, it is cut into pieces of this size ... */
#define PREPARE_PIECE_BYTES	4096
#define PREPARE_PIECES		64		/* ... or smaller, to have about so many */
#define PREPARE_PIECE_MIN	64
#define PREPARE_TINY_BYTES	1000		/* too little text to divide */
#define PREPARE_SHARD_MIN	1000		/* smaller shards are as many files as documents */
#define PREPARE_DOCUMENT_MAX	((size_t)256 << 20)

struct prepare_options {
	const char *const *input;	/* (nr_input) files */
	int nr_input;
	const char *const *val;		/* (nr_val) files; none: divide the input */
	int nr_val;
	const char *tokenizer;		/* as for tokenizer_open() */
	const char *out;		/* folder to make */
	const char *separator;		/* NULL: <|endoftext|> */
	double val_fraction;		/* of the documents, in (0, 1) */
	uint64_t shard_tokens;		/* most tokens per shard; 0: the default */
	uint64_t seed;
	size_t piece_bytes;		/* 0: whole documents, unless there is only one */
	bool force;			/* replace an existing data folder */
	const volatile sig_atomic_t *stop;	/* becomes nonzero when to give up; may be NULL */
};

/**
 * prepare_data() - make folder @opt->out.
 * @m: what was made; the caller frees it with manifest_free()
 *
 * Parents of OUT are made.
 * All is written under OUT.tmp-PID, which becomes OUT when it is complete and synced, and
 * is removed on any error.  Memory: the longest document and its tokens.
 *
 * Return: 0; -EEXIST if OUT is there (without force, or if it holds other files); -EINTR;
 * -EINVAL if a file is empty or one side would have no document; -errno; with a message.
 */
int prepare_data(const struct prepare_options *opt, struct manifest *m);

#endif
