/* SPDX-License-Identifier: MIT */
/*
 * Between text and the tokens of a model that reads and writes it.
 */
#ifndef INFER_PROMPT_H
#define INFER_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf;
struct token_list;
struct tokenizer;

/**
 * prompt_encode() - append the tokens of a text that a model is to go on from.
 *
 * In front stands what the tokenizer puts in front of texts.  A text without tokens begins
 * where a document does: after the end of another.
 * @marks: the names of special tokens stand for these
 */
int prompt_encode(struct tokenizer *tok, const char *text, bool marks, struct token_list *ids);

/**
 * prompt_encode_marked() - the same for messages of a chat, with marks.
 * @first: it begins the conversation
 */
int prompt_encode_marked(struct tokenizer *tok, const char *text, size_t len, bool first,
			 struct token_list *ids);

/**
 * prompt_text() - append the text of @id; special tokens have none.
 * @first: no text stands before it: without the space that SentencePiece puts in front
 */
int prompt_text(const struct tokenizer *tok, uint32_t id, bool first, struct strbuf *sb);

/** prompt_ends() - does a model that draws @id end its text, or its turn? */
bool prompt_ends(const struct tokenizer *tok, uint32_t id);

#endif
