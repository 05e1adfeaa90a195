/* SPDX-License-Identifier: MIT */
/*
 * Chat templates: what is written around the messages of a conversation.
 *
 * Models carry a template as a program in Jinja.  As llama.cpp does (llama-chat.cpp), this
 * recognises the common ones by marks in their text, and writes what they would write; it
 * does not run programs.
 */
#ifndef INFER_CHAT_H
#define INFER_CHAT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

struct chat_template;

enum chat_role { CHAT_SYSTEM, CHAT_USER, CHAT_ASSISTANT, CHAT_ROLES };

/**
 * chat_template_find() - the one whose Jinja text is @text, or that is called @text.
 * Return: NULL with a message that names those that are known.
 */
const struct chat_template *chat_template_find(const char *text);

/** chat_template_name() - "chatml" */
const char *chat_template_name(const struct chat_template *t);

/**
 * struct chat - a conversation in the making.
 * @started: something was written
 * @inside: a turn is open that the assistant's message ends
 * @system: what the first message of the user is to be preceded by
 */
struct chat {
	const struct chat_template *template;
	bool started, inside;
	struct strbuf system;
};

void chat_init(struct chat *c, const struct chat_template *t);
void chat_free(struct chat *c);

/** chat_add() - append to @sb what a message adds to the text. */
void chat_add(struct chat *c, enum chat_role role, const char *content, struct strbuf *sb);

/**
 * chat_ask() - append what stands in front of the assistant's answer.  chat_answered() -
 * append what stands behind it; the answer itself lies between.
 */
void chat_ask(struct chat *c, struct strbuf *sb);
void chat_answered(struct chat *c, struct strbuf *sb);

#endif
