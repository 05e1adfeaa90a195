/* SPDX-License-Identifier: MIT */
/*
 * The byte-level alphabet of GPT-2 (encoder.py, bytes_to_unicode): each byte value has a
 * printable character, so that tokens, which are byte strings, can be written in JSON.
 * 0x21-0x7e, 0xa1-0xac and 0xae-0xff stand for themselves as code points; the other 68
 * bytes are U+0100, U+0101, ... in order.  A space is U+0120, "Ġ".
 */
#ifndef DATA_BYTELEVEL_H
#define DATA_BYTELEVEL_H

#include <stddef.h>

#include "base/strbuf.h"

/** bytelevel_write() - append @len bytes in the alphabet, as UTF-8. */
void bytelevel_write(struct strbuf *sb, const char *bytes, size_t len);

/**
 * bytelevel_read() - the bytes that @len bytes of UTF-8 @text stand for.
 * @out: room for @len bytes
 *
 * Return: their number, or -EINVAL (no message) at a character outside the alphabet.
 */
long bytelevel_read(const char *text, size_t len, char *out);

#endif
