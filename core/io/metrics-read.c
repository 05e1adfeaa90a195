// SPDX-License-Identifier: MIT
#include "io/metrics.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/* ---- a line, changed in place: texts lose their quotes and escapes ---- */

struct cursor {
	char *s;		/* ends with NUL */
	const char *wrong;	/* what is, or NULL */
};

static void skip_blanks(struct cursor *c)
{
	while (*c->s == ' ' || *c->s == '\t' || *c->s == '\r')
		c->s++;
}

static bool take(struct cursor *c, char wanted)
{
	skip_blanks(c);
	if (*c->s != wanted)
		return false;
	c->s++;
	return true;
}

static bool take_word(struct cursor *c, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(c->s, word, len))
		return false;
	c->s += len;
	return true;
}

/* Four hex digits; -1 if they are none. */
static long take_hex(struct cursor *c)
{
	char digits[5] = "";
	long value;

	memcpy(digits, c->s, strnlen(c->s, 4));
	if (strspn(digits, "0123456789abcdefABCDEF") != 4)
		return -1;
	value = strtol(digits, NULL, 16);
	c->s += 4;
	return value;
}

static char *put_utf8(char *out, long code)
{
	static const int first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	int bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	if (bytes == 1) {
		*out++ = (char)code;
		return out;
	}
	*out++ = (char)(first[bytes] | code >> 6 * (bytes - 1));
	for (int i = bytes - 2; i >= 0; i--)
		*out++ = (char)(0x80 | (code >> 6 * i & 0x3f));
	return out;
}

/* Behind "\u": a character, or the two halves of one.  Never longer than the escape was. */
static char *unescape_unicode(struct cursor *c, char *out)
{
	long code = take_hex(c), low;

	if (code >= 0xd800 && code < 0xdc00 && take_word(c, "\\u")) {
		low = take_hex(c);
		code = low >= 0xdc00 && low < 0xe000 ?
			0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : -1;
	}
	if (code <= 0 || (code >= 0xd800 && code < 0xe000)) {
		c->wrong = "a wrong \\u in a text";
		return out;
	}
	return put_utf8(out, code);
}

static char *unescape(struct cursor *c, char *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = *c->s ? strchr(from, *c->s) : NULL;

	if (at) {
		*out++ = to[at - from];
		c->s++;
		return out;
	}
	if (*c->s == 'u') {
		c->s++;
		return unescape_unicode(c, out);
	}
	c->wrong = "an unknown escape in a text";
	return out;
}

static const char *take_text(struct cursor *c)
{
	char *begin, *out;

	if (!take(c, '"')) {
		c->wrong = "a text is missing";
		return "";
	}
	begin = out = c->s;
	while (*c->s != '"' && !c->wrong) {
		if (*c->s == '\\') {
			c->s++;
			out = unescape(c, out);
		} else if ((unsigned char)*c->s < 0x20) {
			c->wrong = *c->s ? "a control character in a text" : "a text has no end";
		} else {
			*out++ = *c->s++;
		}
	}
	if (c->wrong)
		return "";
	c->s++;
	*out = '\0';
	return begin;
}

static void take_number(struct cursor *c, struct metrics_field *f)
{
	size_t len = strspn(c->s, "0123456789+-.eE");
	char *end;

	f->kind = METRICS_NUMBER;
	f->number = strtod(c->s, &end);
	if (!len || *c->s == '+' || *c->s == '.' || end != c->s + len || !isfinite(f->number))
		c->wrong = "neither a number, a text, true, false nor null";
	c->s += len;
}

static void take_value(struct cursor *c, struct metrics_field *f)
{
	skip_blanks(c);
	f->number = NAN;
	f->text = "";
	f->kind = METRICS_BOOL;
	if (*c->s == '"') {
		f->kind = METRICS_TEXT;
		f->text = take_text(c);
	} else if (take_word(c, "null")) {
		f->kind = METRICS_NULL;
	} else if (take_word(c, "true")) {
		f->number = 1;
	} else if (take_word(c, "false")) {
		f->number = 0;
	} else {
		take_number(c, f);
	}
}

static void take_field(struct cursor *c, struct metrics_line *l)
{
	struct metrics_field *f = &l->field[l->nr_fields];

	if (l->nr_fields == METRICS_FIELDS_MAX) {
		c->wrong = "too many values";
		return;
	}
	f->key = take_text(c);
	if (!c->wrong && metrics_get(l, f->key))
		c->wrong = "a key appears twice";
	else if (!c->wrong && !take(c, ':'))
		c->wrong = "no ':' behind a key";
	if (!c->wrong)
		take_value(c, f);
	l->nr_fields++;
}

static int parse(struct metrics_line *l, char *text, size_t len)
{
	struct cursor c = { .s = text };

	l->nr_fields = 0;
	if (strlen(text) != len)
		c.wrong = "a NUL byte";
	else if (!take(&c, '{'))
		c.wrong = "not a JSON object";
	else if (!take(&c, '}')) {
		do {
			take_field(&c, l);
		} while (!c.wrong && take(&c, ','));
		if (!c.wrong && !take(&c, '}'))
			c.wrong = "neither ',' nor '}' behind a value";
	}
	skip_blanks(&c);
	if (!c.wrong && *c.s)
		c.wrong = "something behind the object";
	return c.wrong ? fail(-EINVAL, "%s:%ld: %s", l->path, l->nr, c.wrong) : 0;
}

/* ---- a file ---- */

int metrics_walk(const char *path,
		 int (*line)(void *ctx, const struct metrics_line *l, long long end), void *ctx)
{
	struct metrics_line l = { .path = path };
	long long end = 0;
	char *text = NULL;
	size_t cap = 0;
	ssize_t len;
	int ret = 0;
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		return fail_errno("%s", path);
	while (!ret && (len = getline(&text, &cap, f)) > 0 && text[len - 1] == '\n') {
		end += len;
		text[len - 1] = '\0';
		l.nr++;
		ret = parse(&l, text, (size_t)len - 1);
		if (!ret)
			ret = line(ctx, &l, end);
	}
	if (ferror(f) && !ret)
		ret = fail_errno("%s", path);
	free(text);
	fclose(f);
	return ret == METRICS_ENOUGH ? 0 : ret;
}

/* struct visit - metrics_read()'s caller. */
struct visit {
	int (*line)(void *ctx, const struct metrics_line *l);
	void *ctx;
};

static int visit_line(void *ctx, const struct metrics_line *l, long long end)
{
	const struct visit *v = ctx;

	(void)end;
	return v->line(v->ctx, l);
}

int metrics_read(const char *path, int (*line)(void *ctx, const struct metrics_line *l),
		 void *ctx)
{
	struct visit v = { .line = line, .ctx = ctx };

	return metrics_walk(path, visit_line, &v);
}

/* ---- its values ---- */

const struct metrics_field *metrics_get(const struct metrics_line *l, const char *key)
{
	for (int i = 0; i < l->nr_fields; i++)
		if (!strcmp(l->field[i].key, key))
			return &l->field[i];
	return NULL;
}

double metrics_number(const struct metrics_line *l, const char *key)
{
	const struct metrics_field *f = metrics_get(l, key);

	return f ? f->number : NAN;
}

bool metrics_is(const struct metrics_line *l, const char *event)
{
	const struct metrics_field *f = metrics_get(l, "event");

	return f && !strcmp(f->text, event);
}

int metrics_step(const struct metrics_line *l, long long *step)
{
	double number = metrics_number(l, "step");

	if (!(number >= 0 && number <= (double)(1LL << 53)) || number != floor(number))
		return fail(-EINVAL, "%s:%ld: 'step' is missing or no count of steps", l->path,
			    l->nr);
	*step = (long long)number;
	return 0;
}
