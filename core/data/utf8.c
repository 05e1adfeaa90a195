// SPDX-License-Identifier: MIT
#include "data/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Length of the character at s, 0 if it is none (Unicode 15, table 3-7). */
static size_t char_len(const unsigned char *s, size_t len)
{
	unsigned char low = 0x80, high = 0xbf;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4 || len < 2)
		return 0;
	if (s[0] < 0xe0)
		return is_tail(s[1]) ? 2 : 0;
	low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : low;
	high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : high;
	if (s[1] < low || s[1] > high || len < 3 || !is_tail(s[2]))
		return 0;
	if (s[0] < 0xf0)
		return 3;
	return len >= 4 && is_tail(s[3]) ? 4 : 0;
}

size_t utf8_valid(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t i = 0;

	while (i < len) {
		uint64_t word;
		size_t n;

		if (len - i >= sizeof(word)) {	/* most text is ASCII */
			memcpy(&word, s + i, sizeof(word));
			if (!(word & 0x8080808080808080u)) {
				i += sizeof(word);
				continue;
			}
		}
		n = char_len(s + i, len - i);
		if (!n)
			break;
		i += n;
	}
	return i;
}

size_t utf8_invalid(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t i = 0;

	while (i < len && !char_len(s + i, len - i))
		i++;
	return i;
}

size_t utf8_whole(const char *text, size_t len)
{
	for (size_t n = 1; n <= 3 && n <= len; n++) {
		unsigned char c = text[len - n];
		size_t wants = c > 0xf4 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1;

		if ((c & 0xc0) != 0x80)
			return wants > n ? len - n : len;
	}
	return len;
}

void utf8_clean(struct strbuf *sb, const char *bytes, size_t len)
{
	size_t n;

	while (len) {
		n = utf8_valid(bytes, strnlen(bytes, len));
		strbuf_add(sb, bytes, n);
		bytes += n;
		len -= n;
		if (!len)
			break;
		n = *bytes ? utf8_invalid(bytes, len) : 1;
		strbuf_adds(sb, "\xef\xbf\xbd");
		bytes += n;
		len -= n;
	}
}

size_t utf8_first(const char *s, size_t len)
{
	size_t n = len ? char_len((const unsigned char *)s, len) : 0;

	return n ? n : 1;
}

uint32_t utf8_char(const char *text, size_t *n)
{
	const unsigned char *s = (const unsigned char *)text;

	if (s[0] < 0x80) {
		*n = 1;
		return s[0];
	}
	if (s[0] < 0xe0) {
		*n = 2;
		return (s[0] & 0x1f) << 6 | (s[1] & 0x3f);
	}
	if (s[0] < 0xf0) {
		*n = 3;
		return (s[0] & 0x0f) << 12 | (s[1] & 0x3f) << 6 | (s[2] & 0x3f);
	}
	*n = 4;
	return (s[0] & 0x07u) << 18 | (s[1] & 0x3f) << 12 | (s[2] & 0x3f) << 6 | (s[3] & 0x3f);
}

size_t utf8_put(char *s, uint32_t c)
{
	if (c < 0x80) {
		s[0] = c;
		return 1;
	}
	if (c < 0x800) {
		s[0] = 0xc0 | c >> 6;
		s[1] = 0x80 | (c & 0x3f);
		return 2;
	}
	if (c < 0x10000) {
		s[0] = 0xe0 | c >> 12;
		s[1] = 0x80 | (c >> 6 & 0x3f);
		s[2] = 0x80 | (c & 0x3f);
		return 3;
	}
	s[0] = 0xf0 | c >> 18;
	s[1] = 0x80 | (c >> 12 & 0x3f);
	s[2] = 0x80 | (c >> 6 & 0x3f);
	s[3] = 0x80 | (c & 0x3f);
	return 4;
}

static bool is_blank(uint32_t c)
{
	return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
	       c == 0x205f || c == 0x3000;
}

size_t utf8_blank(const char *s, size_t len)
{
	size_t n = len ? char_len((const unsigned char *)s, len) : 0;

	return n && is_blank(utf8_char(s, &n)) ? n : 0;
}

size_t utf8_blank_before(const char *s, size_t len)
{
	for (size_t n = 1; n <= 3 && n <= len; n++)
		if (utf8_blank(s + len - n, n) == n)
			return n;
	return 0;
}

void utf8_replace(struct strbuf *sb, const char *bytes, size_t len)
{
	while (len) {
		size_t n = utf8_valid(bytes, len);

		strbuf_add(sb, bytes, n);
		bytes += n;
		len -= n;
		n = utf8_invalid(bytes, len);
		for (size_t i = 0; i < n; i++)
			strbuf_adds(sb, "\xef\xbf\xbd");
		bytes += n;
		len -= n;
	}
}
