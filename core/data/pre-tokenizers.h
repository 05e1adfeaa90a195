/* SPDX-License-Identifier: MIT */
/*
 * The names that llama.cpp has for how text is cut into words (tokenizer.ggml.pre), and
 * the regexes behind them.
 */
#ifndef DATA_PRE_TOKENIZERS_H
#define DATA_PRE_TOKENIZERS_H

#include <stdbool.h>

#include "data/tokenizer.h"

struct pre_tokenizer {
	const char *name;
	const char *splits[TOKEN_SPLITS_MAX];	/* the last one NULL */
	bool ignore_merges;
	bool add_bos;
};

/** pre_tokenizer_find() - by name (of @len bytes), or NULL. */
const struct pre_tokenizer *pre_tokenizer_find(const char *name, size_t len);

/** pre_tokenizer_of() - the name for how @tok cuts text, or NULL. */
const char *pre_tokenizer_of(const struct tokenizer *tok);

#endif
