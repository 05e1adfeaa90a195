/* SPDX-License-Identifier: MIT */
/*
 * A model to be measured: weights and tokenizer, and how its texts begin.
 */
#ifndef EVAL_MODEL_H
#define EVAL_MODEL_H

#include "base/hash.h"
#include "data/tokenizer.h"
#include "train/load.h"

struct eval_table;
struct eval_text;

/**
 * struct eval_model - an open model.
 * @path: as the user called it
 * @act: how activations are kept, "f32" or "q8"
 * @hash: of its weights
 */
struct eval_model {
	const char *path, *act;
	struct device *dev;
	struct loaded loaded;
	char hash[HASH_HEX];
};

/** eval_model_open() - load @path onto @dev; @path and @act must stay. */
int eval_model_open(const char *path, const char *act, struct device *dev,
		    struct eval_model *em);
void eval_model_close(struct eval_model *em);

/** eval_model_context() - the longest sequence that it takes. */
int eval_model_context(const struct eval_model *em);

/**
 * eval_encode() - append the ids of @len bytes of @text.
 * @special: with what the tokenizer puts around a text (add_special_tokens in Hugging Face,
 *	add_special in llama.cpp)
 *
 * Return: 0; -EINVAL if the model has no row for a token; -errno.
 */
int eval_encode(struct eval_model *em, const char *text, size_t len, bool special,
		struct token_list *ids);

/** eval_prefix_token() - what a document stands behind: BOS, or else the end of a document. */
uint32_t eval_prefix_token(const struct eval_model *em);

/** eval_adds_bos() - does a text begin with BOS? Then so does each chunk of one. */
bool eval_adds_bos(const struct eval_model *em);

/** eval_token_bytes() - bytes of text that @token stands for; 0 for special tokens. */
size_t eval_token_bytes(const struct eval_model *em, int32_t token);

/**
 * eval_table_facts() - fill in what a table says of model and data.
 * @options: taken over, and freed with the table; NULL: memory ran out when it was made
 */
int eval_table_facts(struct eval_table *t, const struct eval_model *em,
		     const struct eval_text *text, const char *task, char *options);

#endif
