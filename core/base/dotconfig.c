// SPDX-License-Identifier: MIT
#include "base/dotconfig.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

#define OTHERS_MAX 8	/* wrong lines that are numbered after the first */

static const char prefix[] = "CONFIG_";
static const char not_set[] = " is not set";

static size_t symbol_length(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n;
}

/* "# CONFIG_X is not set"; any other comment is nothing. */
static int parse_comment(char *line, struct dotconfig_line *out)
{
	static char no[] = "n";
	char *s = line + 1 + strspn(line + 1, " ");
	size_t len;

	if (strncmp(s, prefix, strlen(prefix)))
		return 0;
	s += strlen(prefix);
	len = symbol_length(s);
	if (!len || strcmp(s + len, not_set))
		return 0;
	s[len] = '\0';
	*out = (struct dotconfig_line){ .symbol = s, .value = no };
	return 1;
}

/* Undo the escapes of a quoted string, in place; @s is behind the opening quote. */
static int unquote(char *s)
{
	char *to = s;

	for (; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			s++;
		*to++ = *s;
	}
	if (*s != '"')
		return fail(-EINVAL, "the closing quote is missing");
	if (s[1])
		return fail(-EINVAL, "unexpected text after the closing quote: %s", s + 1);
	*to = '\0';
	return 0;
}

int dotconfig_parse(char *line, struct dotconfig_line *out)
{
	size_t len = strlen(line);
	char *s;

	while (len && isspace((unsigned char)line[len - 1]))
		line[--len] = '\0';
	if (!len)
		return 0;
	if (*line == '#')
		return parse_comment(line, out);
	s = strncmp(line, prefix, strlen(prefix)) ? line : line + strlen(prefix);
	len = symbol_length(s);
	if (!len || s[len] != '=')
		return fail(-EINVAL, "expected CONFIG_NAME=VALUE, found: %s", line);
	s[len] = '\0';
	*out = (struct dotconfig_line){ .symbol = s, .value = s + len + 1 };
	if (*out->value == '"') {
		out->quoted = true;
		out->value++;
		if (unquote(out->value))
			return fail_in(-EINVAL, "CONFIG_%s", out->symbol);
	}
	return 1;
}

void dotconfig_quote(struct strbuf *sb, const char *text)
{
	strbuf_addc(sb, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			strbuf_addc(sb, '\\');
		strbuf_addc(sb, *text);
	}
	strbuf_addc(sb, '"');
}

/* What is wrong with a file: the first message, and the numbers of the other lines. */
struct wrong_lines {
	int first;		/* -errno of the first one; 0: all is well */
	char *message;
	struct strbuf others;
	int nr_others;
};

static void note_wrong(struct wrong_lines *w, int ret, const char *path, int nr)
{
	if (!w->first) {
		fail_in(ret, "%s:%d", path, nr);
		w->first = ret;
		w->message = strdup(fail_message());
	} else if (++w->nr_others <= OTHERS_MAX) {
		strbuf_addf(&w->others, "%s%d", w->nr_others == 1 ? "" : ", ", nr);
	}
}

static int report_wrong(struct wrong_lines *w)
{
	int ret = w->first;

	if (ret && w->message && w->nr_others)
		fail(ret, "%s (also wrong: line%s %s%s)", w->message, w->nr_others == 1 ? "" : "s",
		     w->others.s, w->nr_others > OTHERS_MAX ? ", ..." : "");
	else if (ret && w->message)
		fail(ret, "%s", w->message);
	strbuf_free(&w->others);
	free(w->message);
	return ret;
}

int dotconfig_walk(const char *path, char *text,
		   int (*fn)(void *ctx, const struct dotconfig_line *line), void *ctx)
{
	struct wrong_lines wrong = { .first = 0 };
	struct dotconfig_line line;
	int nr = 0;

	strbuf_init(&wrong.others);
	for (char *s = text, *next; s; s = next) {
		int ret;

		next = strchr(s, '\n');
		if (next)
			*next++ = '\0';
		nr++;
		ret = dotconfig_parse(s, &line);
		if (ret > 0)
			ret = fn(ctx, &line);
		if (ret < 0)
			note_wrong(&wrong, ret, path, nr);
	}
	return report_wrong(&wrong);
}
