// SPDX-License-Identifier: MIT
#include "base/param.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

#define ITEM_MAX 100000	/* layers that a per-layer list may name */

/*
 * Digits and exponent come from printf with the fewest digits that read back the
 * same; the layout is ours: 0.0003 and not 3e-04, and 1e-8 where the zeros of a
 * plain decimal would have to be counted.
 */
void number_add(struct strbuf *sb, double v)
{
	char text[32], digits[20];
	int exponent, nr = 0;

	for (int precision = 0; precision < 17; precision++) {
		snprintf(text, sizeof(text), "%.*e", precision, v);
		if (strtod(text, NULL) == v)
			break;
	}
	if (v == 0) {
		strbuf_addc(sb, '0');
		return;
	}
	if (*text == '-')
		strbuf_addc(sb, '-');
	for (const char *s = text; *s != 'e'; s++)
		if (isdigit((unsigned char)*s))
			digits[nr++] = *s;
	exponent = atoi(strchr(text, 'e') + 1);

	if (exponent < -6 || exponent > 15) {
		strbuf_addc(sb, digits[0]);
		if (nr > 1)
			strbuf_addf(sb, ".%.*s", nr - 1, digits + 1);
		strbuf_addf(sb, "e%d", exponent);
		return;
	}
	if (exponent < 0)
		strbuf_addf(sb, "0.%.*s", -exponent - 1, "000000");
	for (int i = 0; i < nr || i <= exponent; i++) {
		if (i && i == exponent + 1)
			strbuf_addc(sb, '.');
		strbuf_addc(sb, i < nr ? digits[i] : '0');
	}
}

bool param_is_text(const struct param *p)
{
	return p->type != PARAM_BOOL && (p->type != PARAM_INT || p->may_be_auto);
}

const struct param_words *param_words(const struct param *p)
{
	static const struct param_words none = { "", "", "" };

	return p->words ? p->words : &none;
}

/* The Type line; where it was left out, much the same made of what the program knows. */
static const char *type_text(const struct param *p, struct strbuf *sb)
{
	static const char *const names[] = { "bool", "int", "float", "one of", "list of",
					     "tokens", "string" };

	strbuf_init(sb);
	if (p->words) {
		strbuf_adds(sb, p->words->type);
		return sb->s;
	}
	strbuf_adds(sb, names[p->type]);
	for (int i = 0; p->choices && p->choices[i]; i++)
		strbuf_addf(sb, " %s", p->choices[i]);
	if (p->min < p->max)
		strbuf_addf(sb, " %.9g..%.9g", p->min, p->max);
	return sb->s;
}

static int wrong(const struct param *p, const char *text)
{
	struct strbuf sb;
	const char *type = type_text(p, &sb);
	int ret;

	if (!*text)
		ret = fail(-EINVAL, "%s: the value is empty: it must be %s", p->name, type);
	else
		ret = fail(-EINVAL, "%s: '%s' is not of type %s", p->name, text, type);
	strbuf_free(&sb);
	return ret;
}

static int out_of_range(const struct param *p, const char *text)
{
	struct strbuf sb;
	int ret = fail(-ERANGE, "%s: %s is out of range: %s", p->name, text, type_text(p, &sb));

	strbuf_free(&sb);
	return ret;
}

static int check_bool(const struct param *p, const char *text, struct param_value *v)
{
	bool yes = !strcmp(text, "y") || !strcmp(text, "yes");

	if (!yes && strcmp(text, "n") && strcmp(text, "no"))
		return fail(-EINVAL, "%s: '%s' must be y or n", p->name, text);
	v->integer = yes;
	v->number = v->integer;
	v->text = strdup(yes ? "y" : "n");
	return 0;
}

static int check_int(const struct param *p, const char *text, struct param_value *v)
{
	int ret = str_to_int(text, &v->integer);

	if (ret == -ERANGE)
		return out_of_range(p, text);
	if (ret)
		return wrong(p, text);
	v->number = (double)v->integer;
	if (v->number < p->min || v->number > p->max)
		return out_of_range(p, text);
	v->text = str_printf("%lld", v->integer);
	return 0;
}

static int check_float(const struct param *p, const char *text, struct param_value *v)
{
	struct strbuf sb;

	if (str_to_double(text, &v->number))
		return wrong(p, text);
	if (v->number < p->min || v->number > p->max)
		return out_of_range(p, text);
	v->number += 0.0;	/* -0 is 0 */
	strbuf_init(&sb);
	number_add(&sb, v->number);
	v->text = sb.failed ? NULL : strbuf_detach(&sb);
	strbuf_free(&sb);
	return 0;
}

static int check_tokens(const struct param *p, const char *text, struct param_value *v)
{
	int ret = str_to_count(text, &v->integer);

	if (ret == -EINVAL)
		return fail(-EINVAL, "%s: '%s' is not a number of tokens, such as 15000000, 15M, "
			    "1.5G or 2e6", p->name, text);
	if (ret == -EDOM)
		return fail(-EINVAL, "%s: '%s' is not a whole number of tokens", p->name, text);
	v->number = (double)v->integer;
	if (ret || v->number < p->min || v->number > p->max)
		return out_of_range(p, text);
	v->text = str_printf("%lld", v->integer);
	return 0;
}

static const char *find_choice(const struct param *p, const char *s, size_t len)
{
	for (const char *const *c = p->choices; *c; c++)
		if (strlen(*c) == len && !memcmp(*c, s, len))
			return *c;
	return NULL;
}

/* "auto, yes or no" */
static void add_choices(struct strbuf *sb, const struct param *p)
{
	for (const char *const *c = p->choices; *c; c++)
		strbuf_addf(sb, "%s%s", c == p->choices ? "" : c[1] ? ", " : " or ", *c);
}

static int no_choice(const struct param *p, const char *text)
{
	const char *best = NULL;
	int best_distance = 3;
	struct strbuf sb;

	for (const char *const *c = p->choices; *c; c++) {
		int d = str_distance(text, *c);

		if (d < best_distance && d < (int)strlen(*c)) {
			best_distance = d;
			best = *c;
		}
	}
	strbuf_init(&sb);
	add_choices(&sb, p);
	fail(-EINVAL, "%s: '%s' must be %s%s%s%s%s", p->name, text,
	     p->type == PARAM_LIST ? "a per-layer list of " : "", sb.s,
	     best ? ": did you mean '" : "", best ? best : "", best ? "'?" : "");
	strbuf_free(&sb);
	return -EINVAL;
}

/* Where the choices are yes and no, y and n will do, as for a bool. */
static const char *find_short_choice(const struct param *p, const char *text)
{
	if (!strcmp(text, "y"))
		return find_choice(p, "yes", 3);
	return strcmp(text, "n") ? NULL : find_choice(p, "no", 2);
}

static int check_choice(const struct param *p, const char *text, struct param_value *v)
{
	const char *choice = find_choice(p, text, strlen(text));

	if (!choice)
		choice = find_short_choice(p, text);
	if (!choice)
		return no_choice(p, text);
	v->text = strdup(choice);
	return 0;
}

/* One "NAME" or "NAME*COUNT" without blanks around it. */
static int parse_item(const struct param *p, const char *s, size_t len, struct param_item *item)
{
	const char *star = memchr(s, '*', len);
	size_t name_len = star ? (size_t)(star - s) : len;
	char part[64];
	long long nr = 1;

	snprintf(part, sizeof(part), "%.*s", (int)name_len, s);
	item->name = find_choice(p, s, name_len);
	if (!item->name)
		return no_choice(p, part);
	if (star) {
		snprintf(part, sizeof(part), "%.*s", (int)(len - name_len - 1), star + 1);
		if (!isdigit((unsigned char)*part) || str_to_int(part, &nr) || nr < 1 ||
		    nr > ITEM_MAX)
			return fail(-EINVAL, "%s: '%.*s': the count after '*' must be 1 to %d",
				    p->name, (int)len, s, ITEM_MAX);
	}
	item->nr = (int)nr;
	return 0;
}

static int list_text(struct param_value *v)
{
	struct strbuf sb;
	int ret;

	strbuf_init(&sb);
	for (int i = 0; i < v->nr_items; i++) {
		const struct param_item *item = &v->items[i];

		/* "full" is all layers, "full*1" is a model of one layer. */
		strbuf_addf(&sb, "%s%s", i ? "," : "", item->name);
		if (item->nr > 1 || (item->nr == 1 && v->nr_items == 1))
			strbuf_addf(&sb, "*%d", item->nr);
	}
	ret = strbuf_ok(&sb);
	if (!ret)
		v->text = strbuf_detach(&sb);
	strbuf_free(&sb);
	return ret;
}

static int check_list(const struct param *p, const char *text, struct param_value *v)
{
	size_t room = 1;
	long total = 0;

	for (const char *s = text; *s; s++)
		room += *s == ',';
	v->items = calloc(room, sizeof(*v->items));
	if (!v->items)
		return fail_nomem(room * sizeof(*v->items), p->name);
	for (const char *s = text; ; ) {
		struct param_item item, *last;
		size_t len = strcspn(s, ","), lead = strspn(s, " ");
		size_t end = len;
		int ret;

		lead = lead < len ? lead : len;
		while (end > lead && s[end - 1] == ' ')
			end--;
		ret = parse_item(p, s + lead, end - lead, &item);
		if (ret)
			return ret;
		total += item.nr;
		if (total > ITEM_MAX)
			return fail(-ERANGE, "%s: more than %d layers", p->name, ITEM_MAX);
		last = v->nr_items ? &v->items[v->nr_items - 1] : NULL;
		if (last && last->name == item.name)
			last->nr += item.nr;
		else
			v->items[v->nr_items++] = item;
		if (!s[len])
			break;
		s += len + 1;
	}
	if (room == 1 && !strchr(text, '*'))
		v->items[0].nr = 0;
	return list_text(v);
}

static int check_string(const struct param *p, const char *text, struct param_value *v)
{
	for (const char *s = text; *s; s++)
		if (iscntrl((unsigned char)*s))
			return fail(-EINVAL, "%s: control characters are not allowed", p->name);
	v->text = strdup(text);
	return 0;
}

int param_check(const struct param *p, const char *text, struct param_value *out)
{
	static int (*const checks[])(const struct param *, const char *, struct param_value *) = {
		[PARAM_BOOL] = check_bool,	[PARAM_INT] = check_int,
		[PARAM_FLOAT] = check_float,	[PARAM_CHOICE] = check_choice,
		[PARAM_LIST] = check_list,	[PARAM_TOKENS] = check_tokens,
		[PARAM_STRING] = check_string,
	};
	int ret = 0;

	*out = (struct param_value){ .integer = -1, .number = NAN };
	if (p->may_be_auto && !strcmp(text, "auto")) {
		out->is_auto = true;
		out->text = strdup(text);
	} else {
		ret = checks[p->type](p, text, out);
	}
	if (!ret && !out->text)
		ret = fail_nomem(strlen(text), p->name);
	if (ret)
		param_value_free(out);
	return ret;
}

void param_value_free(struct param_value *v)
{
	free(v->text);
	free(v->items);
	*v = (struct param_value){ 0 };
}
