/* SPDX-License-Identifier: MIT */
/*
 * Which type each tensor of a model gets: llama.cpp's mixes, rules for tensors by name.
 *
 * A mix has a base type and gives tensors that matter more a better one: the output matrix,
 * values of the attention, the MLP's second matrix in some layers.
 */
#ifndef QUANT_MIX_H
#define QUANT_MIX_H

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>

#include "io/gguf.h"
#include "tensor/dtype.h"

/** enum quant_mix_id - the stock mixes, with their numbers in general.file_type. */
enum quant_mix_id {
	MIX_F32 = 0, MIX_F16 = 1, MIX_Q4_0 = 2, MIX_Q4_1 = 3, MIX_Q8_0 = 7, MIX_Q5_0 = 8,
	MIX_Q5_1 = 9, MIX_Q2_K = 10, MIX_Q3_K_S = 11, MIX_Q3_K_M = 12, MIX_Q3_K_L = 13,
	MIX_Q4_K_S = 14, MIX_Q4_K_M = 15, MIX_Q5_K_S = 16, MIX_Q5_K_M = 17, MIX_Q6_K = 18,
	MIX_Q2_K_S = 21, MIX_IQ4_NL = 25, MIX_BF16 = 32,
};

struct quant_mix {
	const char *name;
	enum quant_mix_id id;
	enum dtype base;
};

/** quant_mix_find() - by name, in any case; NULL with a message that lists them. */
const struct quant_mix *quant_mix_find(const char *name);

/** struct quant_rule - tensors whose name @pattern is found in get @dtype. */
struct quant_rule {
	regex_t regex;
	char *pattern;
	enum dtype dtype;
	int hits;
};

/** quant_rule_parse() - "REGEX=TYPE"; quant_rule_free() frees what is in it. */
int quant_rule_parse(const char *text, struct quant_rule *rule);
void quant_rule_free(struct quant_rule *rule);

/**
 * struct quant_request - what is asked for.
 * @pure: all tensors get the base type of @mix
 * @embedding, @output: types of token_embd and output; DT_COUNT: as @mix says
 * @rules: the first that matches counts
 * @importance: there is an importance matrix (some rules ask)
 */
struct quant_request {
	const struct quant_mix *mix;
	bool pure;
	enum dtype embedding, output;
	struct quant_rule *rules;
	int nr_rules;
	bool importance;
};

/**
 * struct quant_choice - what becomes of a tensor.
 * @wanted: the type that was chosen; @dtype: the one it gets as its rows fit no better
 */
struct quant_choice {
	const struct gguf_tensor *tensor;
	enum dtype wanted, dtype;
};

/** quant_tensor_row() - elements of a row; quant_tensor_rows() - how many there are. */
int64_t quant_tensor_row(const struct gguf_tensor *t);
int64_t quant_tensor_rows(const struct gguf_tensor *t);

/**
 * quant_choose() - a type for every tensor of @g, in file order.
 * @choices: gguf_nr_tensors(); the caller frees it
 *
 * Return: 0; -EINVAL with one line: an architecture whose mixes are not known here, types that
 * cannot be read, a rule that no tensor matches.
 */
int quant_choose(const struct gguf *g, struct quant_request *q, struct quant_choice **choices);

#endif
