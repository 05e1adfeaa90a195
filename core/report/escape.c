// SPDX-License-Identifier: MIT
#include "report/escape.h"

#include <ctype.h>
#include <string.h>

#include "data/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"

static bool is_control(unsigned char c)
{
	return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
}

/* @text as UTF-8 that XML allows; U+FFFE and U+FFFF are valid in UTF-8 only. */
static void cleaned(struct strbuf *out, const char *text)
{
	size_t len = strlen(text);
	struct strbuf utf8;

	strbuf_init(&utf8);
	utf8_clean(&utf8, text, len);
	out->failed |= utf8.failed;
	for (const char *s = utf8.s; *s; s++) {
		if (!strncmp(s, "\xef\xbf\xbe", 3) || !strncmp(s, "\xef\xbf\xbf", 3)) {
			strbuf_adds(out, REPLACEMENT);
			s += 2;
		} else if (is_control(*s)) {
			strbuf_adds(out, REPLACEMENT);
		} else {
			strbuf_addc(out, *s);
		}
	}
	strbuf_free(&utf8);
}

static const char *html_entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void escape_html(struct strbuf *sb, const char *text)
{
	struct strbuf clean;
	const char *entity;

	strbuf_init(&clean);
	cleaned(&clean, text);
	sb->failed |= clean.failed;
	for (const char *s = clean.s; *s; s++) {
		entity = html_entity(*s);
		if (entity)
			strbuf_adds(sb, entity);
		else
			strbuf_addc(sb, *s);
	}
	strbuf_free(&clean);
}

void escape_markdown(struct strbuf *sb, const char *text)
{
	/* Brackets alone are no link, and intervals are read more easily without strokes. */
	bool links = strstr(text, "](") || strstr(text, "][") || strstr(text, "]:");
	const char *special = links ? "\\`*_[]<>|&" : "\\`*_<>|&";
	struct strbuf clean;

	strbuf_init(&clean);
	cleaned(&clean, text);
	sb->failed |= clean.failed;
	for (const char *s = clean.s; *s; s++) {
		/* Within a word it emphasizes nothing (CommonMark 6.2): TRAIN_LR. */
		bool in_word = *s == '_' && s > clean.s && isalnum((unsigned char)s[-1]) &&
			       isalnum((unsigned char)s[1]);

		if (*s == '\n' || *s == '\t')
			strbuf_addc(sb, ' ');
		else if (strchr(special, *s) && !in_word)
			strbuf_addf(sb, "\\%c", *s);
		else
			strbuf_addc(sb, *s);
	}
	strbuf_free(&clean);
}

/* Most backquotes in a row. */
static size_t longest_fence(const char *s)
{
	size_t longest = 0, n;

	for (; *s; s += n ? n : 1) {
		n = strspn(s, "`");
		longest = n > longest ? n : longest;
	}
	return longest;
}

void escape_block(struct strbuf *sb, const char *text)
{
	struct strbuf clean;
	size_t fence;

	strbuf_init(&clean);
	cleaned(&clean, text);
	sb->failed |= clean.failed;
	fence = longest_fence(clean.s) + 1;
	fence = fence < 3 ? 3 : fence;
	for (size_t i = 0; i < fence; i++)
		strbuf_addc(sb, '`');
	strbuf_addf(sb, "text\n%s\n", clean.s);
	for (size_t i = 0; i < fence; i++)
		strbuf_addc(sb, '`');
	strbuf_addc(sb, '\n');
	strbuf_free(&clean);
}
