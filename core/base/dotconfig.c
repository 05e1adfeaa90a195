// SPDX-License-Identifier: MIT
#include "base/dotconfig.h"

#include <ctype.h>
#include <string.h>

#include "base/fail.h"

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
	if (strncmp(line, prefix, strlen(prefix)))
		return fail(-EINVAL, "expected CONFIG_NAME=VALUE, found: %s", line);
	s = line + strlen(prefix);
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

int dotconfig_walk(const char *path, char *text,
		   int (*fn)(void *ctx, const struct dotconfig_line *line), void *ctx)
{
	struct dotconfig_line line;
	int nr = 0;

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
			return fail_in(ret, "%s:%d", path, nr);
	}
	return 0;
}
