/* SPDX-License-Identifier: MIT */
/*
 * The lines of a .config file, as Kconfig writes them:
 *
 *	CONFIG_MODEL_LAYERS=12
 *	CONFIG_TRAIN_LR="0.0003"
 *	CONFIG_CMD_TRAIN=y
 *	# CONFIG_MODEL_QK_NORM is not set
 *
 * Everything else that begins with '#' is a comment.  CONFIG_ may be left out.
 */
#ifndef BASE_DOTCONFIG_H
#define BASE_DOTCONFIG_H

#include <stdbool.h>

#include "base/strbuf.h"

/** struct dotconfig_line - one line, taken apart in place. */
struct dotconfig_line {
	char *symbol;	/* without CONFIG_ */
	char *value;	/* unquoted; "n" for "is not set" */
	bool quoted;
};

/**
 * dotconfig_parse() - take the line at @line apart; it is changed.
 *
 * Return: 1 if it names a symbol, 0 for a blank line or a comment, -EINVAL with a
 * message (without file and line: the caller puts them in front).
 */
int dotconfig_parse(char *line, struct dotconfig_line *out);

/** dotconfig_quote() - append @text with quotes, '"' and '\' escaped. */
void dotconfig_quote(struct strbuf *sb, const char *text);

/**
 * dotconfig_walk() - call @fn for each symbol of a file's text, past errors.
 * @path: for messages
 * @text: NUL-terminated, changed
 *
 * Errors of the syntax and of @fn get "PATH:LINE: " put in front; those after the first
 * are named by the numbers of their lines, behind it.
 * Return: 0 or the first error.
 */
int dotconfig_walk(const char *path, char *text,
		   int (*fn)(void *ctx, const struct dotconfig_line *line), void *ctx);

#endif
