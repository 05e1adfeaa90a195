/* SPDX-License-Identifier: MIT */
/* Text that comes in pieces, printed character by character. */
#ifndef TOOLS_GENERATE_STREAM_H
#define TOOLS_GENERATE_STREAM_H

#include <stdbool.h>

#include "base/strbuf.h"

/**
 * struct stream - what is printed.
 * @clean: bytes that make no character become U+FFFD; otherwise they stay
 * @held: the beginning of a character whose end is not there yet
 */
struct stream {
	bool clean;
	struct strbuf held, shown;
};

void stream_init(struct stream *s, bool clean);
void stream_free(struct stream *s);

/** stream_add() - print what is whole. Return: 0 or -ENOMEM. */
int stream_add(struct stream *s, const char *bytes, size_t len);

/** stream_end() - print the rest, too. Return: 0 or -ENOMEM. */
int stream_end(struct stream *s);

#endif
