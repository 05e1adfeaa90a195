/* SPDX-License-Identifier: MIT */
/* UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef DATA_UTF8_H
#define DATA_UTF8_H

#include <stddef.h>
#include <stdint.h>

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

/** utf8_first() - length of the valid character at the start of @s, 1 if there is none. */
size_t utf8_first(const char *s, size_t len);

/** utf8_char() - the code point of the valid character at the start of @s, its length in @n. */
uint32_t utf8_char(const char *s, size_t *n);

/** utf8_put() - write code point @c, at most 4 bytes. Return: their number. */
size_t utf8_put(char *s, uint32_t c);

/** utf8_blank() - length of the White_Space character at the start of @s, 0 if none is there. */
size_t utf8_blank(const char *s, size_t len);
/** utf8_blank_before() - the same at the end of @s. */
size_t utf8_blank_before(const char *s, size_t len);

/** utf8_replace() - append @len bytes, U+FFFD for each that belongs to no valid character. */
void utf8_replace(struct strbuf *sb, const char *bytes, size_t len);

/**
 * utf8_clean() - append @len bytes, U+FFFD in the place of NUL and of each run that is no
 * valid character: text from a model or a file for a format that wants UTF-8.
 */
void utf8_clean(struct strbuf *sb, const char *bytes, size_t len);

#endif
