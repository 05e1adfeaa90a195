/* SPDX-License-Identifier: MIT */
/*
 * Going on from a text, token by token.
 */
#ifndef INFER_GENERATE_H
#define INFER_GENERATE_H

#include <signal.h>
#include <stdint.h>

#include "infer/sampler.h"
#include "tensor/arch.h"
#include "tensor/dtype.h"

struct model;
struct strbuf;
struct token_list;
struct tokenizer;

/**
 * struct generation - how to go on.
 * @tokens: most tokens to draw
 * @context: tokens that the model sees at most; 0: as many as it can
 * @model: its name, for messages
 * @tokenizer: says which tokens end the text; drawn are tokens that it and the model have
 * @sampling: how to choose each
 * @emit: called for each token as it is drawn, but not for one that ends the text; 0 or -errno
 * @stop: becomes nonzero when to end early; may be NULL
 */
struct generation {
	int tokens, context;
	const char *model;
	const struct tokenizer *tokenizer;
	struct sampling sampling;
	int (*emit)(void *ctx, uint32_t id);
	void *ctx;
	const volatile sig_atomic_t *stop;
};

/**
 * generate() - draw tokens behind those in @ids, which must not be empty, and add them.
 *
 * Of a prompt that is longer than the context its end is read.  When the context
 * is full, its newer half is read again, since positions are absolute, and the text goes
 * on.  Token number i is drawn from stream (seed, "generate", i): the text follows from
 * model, prompt and @g->sampling.
 * @cache: type of keys and values
 */
int generate(struct model *m, struct device *dev, enum dtype cache, const struct generation *g,
	     struct token_list *ids);

/**
 * generate_text() - what the model writes behind @prompt, appended to @text: the bytes that
 * `knlp generate` prints for this seed and temperature 1.
 * @tokens: most tokens to draw
 */
int generate_text(struct model *m, struct device *dev, struct tokenizer *tok,
		  const char *prompt, int tokens, uint64_t seed, struct strbuf *text);

#endif
