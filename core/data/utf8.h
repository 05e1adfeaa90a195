/* SPDX-License-Identifier: MIT */
/* UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef DATA_UTF8_H
#define DATA_UTF8_H

#include <stddef.h>

#include "base/strbuf.h"

/** utf8_valid() - length of the longest prefix of @s that is valid UTF-8. */
size_t utf8_valid(const char *s, size_t len);

/**
 * utf8_invalid() - length of the run of bytes at the start of @s that belong to no valid
 * character; 0 if a valid character starts there.
 */
size_t utf8_invalid(const char *s, size_t len);

/**
 * utf8_whole() - length of @s without the beginning of a character at its end.
 *
 * For text that comes in parts: what is held back belongs to the next part.
 */
size_t utf8_whole(const char *s, size_t len);

/**
 * utf8_clean() - append @len bytes, U+FFFD in the place of NUL and of each run that is no
 * valid character: text from a model or a file for a format that wants UTF-8.
 */
void utf8_clean(struct strbuf *sb, const char *bytes, size_t len);

#endif
