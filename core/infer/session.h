/* SPDX-License-Identifier: MIT */
/*
 * A text that somebody and a model write in turns; its keys and values stay in the cache.
 *
 * When the context is full, its newer half is read again, since positions are
 * absolute, and the text goes on: what lies before is forgotten.  Of a conversation whole
 * turns are, and its beginning is kept.
 */
#ifndef INFER_SESSION_H
#define INFER_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "data/tokenizer.h"
#include "infer/generate.h"

struct session;

/**
 * session_new() - an empty text.
 * @context: tokens that the model sees at most; 0: as many as it can
 * @cache: type of keys and values
 */
int session_new(struct model *m, struct device *dev, int context, enum dtype cache,
		struct session **s);
void session_free(struct session *s);

/** session_reset() - an empty text; the next draw is number 0. */
int session_reset(struct session *s);

/** session_add() - append tokens; the model reads them when it writes next. 0 or -ENOMEM. */
int session_add(struct session *s, const uint32_t *ids, size_t nr);

/**
 * session_keep() - the first @nr tokens are to be seen always, as far as they leave room for
 * others: what the model was told.
 */
void session_keep(struct session *s, size_t nr);

/** session_turn() - a turn begins at token @at, behind those that were noted before. */
int session_turn(struct session *s, size_t at);

/**
 * session_write() - draw tokens behind the text, which must not be empty, and append them.
 *
 * Draws are numbered through all turns; see session_rewind().
 * Return: 0, also if @g->stop ended it; -EINVAL if the text has a token that the model has
 * not; -EDOM if its logits are no numbers; -errno.
 */
int session_write(struct session *s, const struct generation *g);

/** session_rewind() - the next draw is number 0, as after another seed. */
void session_rewind(struct session *s);

/** session_tokens() - the whole text, also what the model has forgotten. */
const struct token_list *session_tokens(const struct session *s);

/** session_forgotten() - how many tokens the model does not see any more. */
size_t session_forgotten(const struct session *s);

#endif
