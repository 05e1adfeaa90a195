/* SPDX-License-Identifier: MIT */
/* UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef DATA_UTF8_H
#define DATA_UTF8_H

#include <stddef.h>

/** utf8_valid() - length of the longest prefix of @s that is valid UTF-8. */
size_t utf8_valid(const char *s, size_t len);

/**
 * utf8_invalid() - length of the run of bytes at the start of @s that belong to no valid
 * character; 0 if a valid character starts there.
 */
size_t utf8_invalid(const char *s, size_t len);

#endif
