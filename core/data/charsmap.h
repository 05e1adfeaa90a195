/* SPDX-License-Identifier: MIT */
/*
 * SentencePiece's precompiled_charsmap: a 32-bit length, a double array in the format of
 * Darts-clone of that many bytes, and texts that end with a NUL.  The array leads from the
 * beginning of a text to where in the texts its replacement is.  The longest beginning
 * counts.
 */
#ifndef DATA_CHARSMAP_H
#define DATA_CHARSMAP_H

#include <stddef.h>

#include "base/strbuf.h"

/** charsmap_check() - 0, or -EINVAL with a message that names @path. */
int charsmap_check(const char *path, const char *map, size_t size);

/** charsmap_run() - append @len bytes of @text, replaced. The map was checked. */
void charsmap_run(const char *map, size_t size, const char *text, size_t len,
		  struct strbuf *out);

#endif
