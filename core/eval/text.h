/* SPDX-License-Identifier: MIT */
/* The files that evaluations read: text, or lines, plain or packed by bzip2. */
#ifndef EVAL_TEXT_H
#define EVAL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/hash.h"

/** struct eval_text - a whole file in memory, and the hash of what it holds, unpacked. */
struct eval_text {
	const char *path;
	char *bytes;		/* with a NUL behind them */
	size_t len;
	char hash[HASH_HEX];
};

/**
 * eval_text_read() - read @path, which must stay, by text_read().
 * Return: 0; -EINVAL if it holds nothing, or no text; -EFBIG; -errno.
 */
int eval_text_read(const char *path, struct eval_text *text);
void eval_text_free(struct eval_text *text);

/** struct eval_lines - a walk over the lines of a text; start with { .text = text }. */
struct eval_lines {
	const struct eval_text *text;
	size_t at;
	long number;		/* of the line that was found last, from 1 */
};

/** eval_lines_next() - the next line, without its end ("\n" or "\r\n"); false behind the last. */
bool eval_lines_next(struct eval_lines *lines, const char **line, size_t *len);

#endif
