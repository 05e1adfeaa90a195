// SPDX-License-Identifier: MIT
#include "data/bytelevel.h"

#include <errno.h>
#include <stdbool.h>

static bool stands_for_itself(unsigned int byte)
{
	return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

/* Where U+0100, U+0101, ... are the bytes without a character of their own, in order. */
static int byte_of_rest(unsigned int index)
{
	static const unsigned char ends[][2] = { { 0x00, 0x20 }, { 0x7f, 0xa0 }, { 0xad, 0xad } };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		unsigned int nr = ends[i][1] - ends[i][0] + 1;

		if (index < nr)
			return ends[i][0] + index;
		index -= nr;
	}
	return -1;
}

static unsigned int char_of(unsigned int byte)
{
	unsigned int rest = 0;

	if (stands_for_itself(byte))
		return byte;
	for (unsigned int b = 0; b < byte; b++)
		rest += !stands_for_itself(b);
	return 0x100 + rest;
}

void bytelevel_write(struct strbuf *sb, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned int c = char_of((unsigned char)bytes[i]);

		if (c < 0x80) {
			strbuf_addc(sb, c);
			continue;
		}
		strbuf_addc(sb, 0xc0 | c >> 6);
		strbuf_addc(sb, 0x80 | (c & 0x3f));
	}
}

long bytelevel_read(const char *text, size_t len, char *out)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t i = 0;
	long n = 0;

	while (i < len) {
		unsigned int c = s[i++];
		int byte;

		if (c >= 0x80) {
			if (c < 0xc2 || c > 0xdf || i == len || (s[i] & 0xc0) != 0x80)
				return -EINVAL;
			c = (c & 0x1f) << 6 | (s[i++] & 0x3f);
		}
		if (c >= 0x100)
			byte = byte_of_rest(c - 0x100);
		else
			byte = stands_for_itself(c) ? (int)c : -1;
		if (byte < 0)
			return -EINVAL;
		out[n++] = byte;
	}
	return n;
}
