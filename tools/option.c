// SPDX-License-Identifier: MIT
#include "tools/option.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

#define HELP_COLUMN 26
#define HELP_WIDTH 80

/* -h and --help, which every command has. */
static bool help_wanted;
static const struct option help_table[] = {
	OPTION_BOOL('h', "help", &help_wanted, "print this text; --help says more"),
	OPTION_END
};

static const struct option *table_of(const struct option *o)
{
	return o->value;
}

/* ---- search ---- */

static const struct option *find_long(const struct option *o, const char *name, size_t len)
{
	for (; o && o->type; o++) {
		const struct option *found = NULL;

		if (o->type == OPTION_TYPE_TABLE)
			found = find_long(table_of(o), name, len);
		else if (strlen(o->name) == len && !memcmp(o->name, name, len))
			found = o;
		if (found)
			return found;
	}
	return NULL;
}

static const struct option *find_short(const struct option *o, char c)
{
	for (; o && o->type; o++) {
		const struct option *found = NULL;

		if (o->type == OPTION_TYPE_TABLE)
			found = find_short(table_of(o), c);
		else if (o->short_name == c)
			found = o;
		if (found)
			return found;
	}
	return NULL;
}

static void find_nearest(const struct option *o, const char *name, const char **best, int *distance)
{
	for (; o && o->type; o++) {
		int d;

		if (o->type == OPTION_TYPE_TABLE) {
			find_nearest(table_of(o), name, best, distance);
			continue;
		}
		d = str_distance(name, o->name);
		if (d < *distance) {
			*distance = d;
			*best = o->name;
		}
	}
}

static int unknown_long(const struct option *table, const char *name, size_t len)
{
	const char *best = NULL;
	char text[64];
	int distance;

	snprintf(text, sizeof(text), "%.*s", (int)(len < 63 ? len : 63), name);
	distance = 1 + (int)(strlen(text) + 1) / 2;
	find_nearest(table, text, &best, &distance);
	if (best)
		return fail(-EINVAL, "unknown option '--%s': did you mean '--%s'?", text, best);
	return fail(-EINVAL, "unknown option '--%s'", text);
}

/* ---- values ---- */

static int set_int(const struct option *o, const char *text)
{
	bool is_count = o->type == OPTION_TYPE_COUNT && *text != '-';	/* -1: no limit */
	long long v;
	int ret = is_count ? str_to_count(text, &v) : str_to_int(text, &v);

	if (ret && ret != -ERANGE)
		return fail(-EINVAL, "option '--%s': '%s' is not an integer%s", o->name, text,
			    is_count ? " such as 64000, 64k or 1.5M" : "");
	if (ret || (double)v < o->min || (double)v > o->max)
		return fail(-EINVAL, "option '--%s': %s is not in %.0f..%.0f", o->name, text,
			    o->min, o->max);
	*(int *)(uintptr_t)o->value = (int)v;
	return 0;
}

static int set_float(const struct option *o, const char *text)
{
	double v;

	if (str_to_double(text, &v))
		return fail(-EINVAL, "option '--%s': '%s' is not a number", o->name, text);
	if (v < o->min || v > o->max)
		return fail(-EINVAL, "option '--%s': %s is not in %g..%g", o->name, text,
			    o->min, o->max);
	*(double *)(uintptr_t)o->value = v;
	return 0;
}

static int list_add(struct option_list *list, const char *text)
{
	const char **item = realloc(list->item, (list->nr + 1) * sizeof(*item));

	if (!item)
		return fail_nomem((list->nr + 1) * sizeof(*item), "options");
	list->item = item;
	list->item[list->nr++] = text;
	return 0;
}

void option_list_free(struct option_list *list)
{
	free(list->item);
	*list = (struct option_list){ 0 };
}

static int set_value(const struct option *o, const char *text)
{
	bool may_be_empty = o->type == OPTION_TYPE_TEXT || o->type == OPTION_TYPE_BOOL;

	if (!may_be_empty && !*text)
		return fail(-EINVAL, "option '--%s': the value is empty", o->name);
	switch (o->type) {
	case OPTION_TYPE_BOOL:
		*(bool *)(uintptr_t)o->value = true;
		return 0;
	case OPTION_TYPE_INT:
	case OPTION_TYPE_COUNT:
		return set_int(o, text);
	case OPTION_TYPE_FLOAT:
		return set_float(o, text);
	case OPTION_TYPE_STRING:
	case OPTION_TYPE_TEXT:
		*(const char **)(uintptr_t)o->value = text;
		return 0;
	case OPTION_TYPE_LIST:
		return list_add((struct option_list *)(uintptr_t)o->value, text);
	case OPTION_TYPE_TABLE:
	case OPTION_TYPE_END:
		break;
	}
	BUG_ON(1);
}

/* ---- parsing ---- */

/* One option that may have been found in argv, and the value that belongs to it. */
struct found {
	const struct option *option;
	const char *value;	/* NULL: none was given */
	int used;		/* arguments consumed: 1 or 2 */
};

static int take_value(struct found *f, const char *joined, int argc, char **argv)
{
	f->used = 1;
	f->value = joined;
	if (f->option->type == OPTION_TYPE_BOOL) {
		if (joined)
			return fail(-EINVAL, "option '--%s' takes no value", f->option->name);
		return 0;
	}
	if (joined)
		return 0;
	if (argc < 2)
		return fail(-EINVAL, "option '--%s' needs a value: %s", f->option->name,
			    f->option->arg);
	f->value = argv[1];
	f->used = 2;
	return 0;
}

static int find_option(const struct option *table, int argc, char **argv, struct found *f)
{
	const char *text = argv[0], *equals;
	size_t len;

	if (text[1] == '-') {
		text += 2;
		equals = strchr(text, '=');
		len = equals ? (size_t)(equals - text) : strlen(text);
		f->option = find_long(help_table, text, len);
		if (!f->option)
			f->option = find_long(table, text, len);
		if (!f->option)
			return unknown_long(table, text, len);
		return take_value(f, equals ? equals + 1 : NULL, argc, argv);
	}
	f->option = find_short(help_table, text[1]);
	if (!f->option)
		f->option = find_short(table, text[1]);
	if (!f->option)
		return fail(-EINVAL, "unknown option '-%c'", text[1]);
	if (f->option->type == OPTION_TYPE_BOOL && text[2])
		return fail(-EINVAL, "unknown option '%s': give -%c and what follows separately",
			    text, text[1]);
	return take_value(f, text[2] ? text + 2 : NULL, argc, argv);
}

static bool is_option(const char *text)
{
	return text[0] == '-' && text[1];	/* "-" alone is a file: stdin or stdout */
}

/* Move what is no option to the front; each option goes to @take. */
static int parse(const struct option *table, int *argc, char **argv,
		 int (*take)(const struct option *o, const char *value, void *ctx), void *ctx)
{
	int left = 0, i = 0;

	while (i < *argc) {
		struct found f;
		int ret;

		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		if (!is_option(argv[i])) {
			argv[left++] = argv[i++];
			continue;
		}
		ret = find_option(table, *argc - i, argv + i, &f);
		if (!ret)
			ret = take(f.option, f.value, ctx);
		if (ret)
			return ret;
		i += f.used;
	}
	while (i < *argc)
		argv[left++] = argv[i++];
	*argc = left;
	return 0;
}

static int take_option(const struct option *o, const char *value, void *ctx)
{
	(void)ctx;
	return set_value(o, value);
}

int option_parse(const struct option *table, int *argc, char **argv)
{
	return parse(table, argc, argv, take_option, NULL);
}

/** struct wanted - the option that option_check() looks for. */
struct wanted {
	const char *name;
	bool has;
};

/* Checked by setting it, elsewhere. */
static int check_option(const struct option *o, const char *value, void *ctx)
{
	struct wanted *w = ctx;
	union {
		bool is;
		int integer;
		double number;
		const char *text;
		struct option_list list;
	} scratch = { .list = { 0 } };
	struct option elsewhere = *o;
	int ret;

	elsewhere.value = &scratch;
	ret = set_value(&elsewhere, value);
	if (o->type == OPTION_TYPE_LIST)
		option_list_free(&scratch.list);
	if (w->name && !strcmp(o->name, w->name))
		w->has = true;
	return ret;
}

int option_check(const struct option *table, int *argc, char **argv, const char *wanted,
		 bool *has)
{
	struct wanted w = { .name = wanted };
	int ret = parse(table, argc, argv, check_option, &w);

	*has = w.has;
	return ret;
}

const struct option *option_find(const struct option *table, const char *name)
{
	return find_long(table, name, strlen(name));
}

char option_has_help(const struct option *table, int argc, char **argv)
{
	struct found f;

	for (int i = 0; i < argc && strcmp(argv[i], "--"); i += f.used) {
		f.used = 1;
		if (!is_option(argv[i]))
			continue;
		if (find_option(table, argc - i, argv + i, &f))
			f.used = 1;	/* a wrong option must not hide the help */
		else if (f.option == help_table)
			return argv[i][1] == '-' ? 'H' : 'h';
	}
	fail_clear();
	return 0;
}

/* ---- help ---- */

void strbuf_wrap(struct strbuf *sb, const char *text, int indent, int width)
{
	int column = indent;

	while (*text) {
		int len = (int)strcspn(text, " \n");

		if (column > indent && column + 1 + len > width) {
			strbuf_addf(sb, "\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			strbuf_addc(sb, ' ');
			column++;
		}
		strbuf_add(sb, text, len);
		column += len;
		text += len;
		for (; *text == ' ' || *text == '\n'; text++)
			if (*text == '\n') {
				strbuf_addf(sb, "\n%*s", text[1] == '\n' ? 0 : indent, "");
				column = indent;
			}
	}
}

static void help_line(const struct option *o, void *ctx)
{
	struct strbuf *sb = ctx;
	size_t begin = sb->len;

	if (o->short_name)
		strbuf_addf(sb, "  -%c, --%s", o->short_name, o->name);
	else
		strbuf_addf(sb, "      --%s", o->name);
	if (o->arg)
		strbuf_addf(sb, "=%s", o->arg);
	if (sb->len - begin > HELP_COLUMN - 2)
		strbuf_addf(sb, "\n%*s", HELP_COLUMN, "");
	else
		strbuf_addf(sb, "%*s", HELP_COLUMN - (int)(sb->len - begin), "");
	strbuf_wrap(sb, o->help, HELP_COLUMN, HELP_WIDTH);
	strbuf_addc(sb, '\n');
}

static void each(const struct option *o, void (*fn)(const struct option *o, void *ctx), void *ctx)
{
	for (; o && o->type; o++) {
		if (o->type == OPTION_TYPE_TABLE)
			each(table_of(o), fn, ctx);
		else
			fn(o, ctx);
	}
}

void option_each(const struct option *table, void (*fn)(const struct option *o, void *ctx),
		 void *ctx)
{
	each(table, fn, ctx);
	each(help_table, fn, ctx);
}

void option_help(const struct option *table, struct strbuf *sb)
{
	option_each(table, help_line, sb);
}
