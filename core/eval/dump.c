// SPDX-License-Identifier: MIT
#include "eval/dump.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "data/utf8.h"
#include "eval/text.h"
#include "io/json.h"

#define VERSION 1
#define ROWS_MAX 100000000

static const char *const kind_names[] = { "share", "ratio" };

/* ---- writing ------------------------------------------------------------------- */

static void add_text(struct strbuf *sb, const char *key, const char *value)
{
	struct strbuf clean;

	strbuf_init(&clean);
	utf8_clean(&clean, value, strlen(value));
	strbuf_addf(sb, ",\"%s\":", key);
	json_add_string(sb, clean.s);
	sb->failed |= clean.failed;
	strbuf_free(&clean);
}

static void add_metric(struct strbuf *sb, const struct eval_table *t,
		       const struct table_metric *m)
{
	strbuf_addf(sb, "{\"name\":\"%s\",\"kind\":\"%s\",\"sum\":\"%s\"", m->name,
		    kind_names[m->kind], t->column[m->sum].name);
	if (m->per >= 0)
		strbuf_addf(sb, ",\"per\":\"%s\"", t->column[m->per].name);
	strbuf_addc(sb, '}');
}

static void add_header(struct strbuf *sb, const struct eval_table *t)
{
	strbuf_addf(sb, "{\"knlp_eval\":%d", VERSION);
	add_text(sb, "task", t->task);
	add_text(sb, "options", t->options);
	add_text(sb, "data", t->data);
	add_text(sb, "data_hash", t->data_hash);
	strbuf_addf(sb, ",\"items\":%zu,\"items_all\":%zu", t->rows, t->rows_all);
	add_text(sb, "model", t->model);
	add_text(sb, "model_hash", t->model_hash);
	add_text(sb, "tokenizer_hash", t->tokenizer_hash);
	add_text(sb, "act", t->act);
	strbuf_adds(sb, ",\"metrics\":[");
	for (int m = 0; m < t->metrics; m++) {
		strbuf_adds(sb, m ? "," : "");
		add_metric(sb, t, &t->metric[m]);
	}
	strbuf_adds(sb, "]}\n");
}

static void add_row(struct strbuf *sb, const struct eval_table *t, size_t row)
{
	strbuf_addf(sb, "{\"item\":%zu", row);
	for (int c = 0; c < t->columns; c++) {
		strbuf_addf(sb, ",\"%s\":", t->column[c].name);
		json_add_double(sb, t->column[c].x[row]);
	}
	if (t->details[row])
		strbuf_adds(sb, t->details[row]);
	strbuf_adds(sb, "}\n");
}

int dump_write(const struct eval_table *t, const char *path)
{
	struct strbuf sb;
	int ret;

	strbuf_init(&sb);
	add_header(&sb, t);
	for (size_t i = 0; i < t->rows; i++)
		add_row(&sb, t, i);
	ret = strbuf_ok(&sb);
	if (!ret)
		ret = file_write_atomic(path, sb.s, sb.len);
	strbuf_free(&sb);
	return ret;
}

/* ---- reading ------------------------------------------------------------------- */

static int get_text(const char *where, const cJSON *o, const char *key, char **copy)
{
	const char *s;
	int ret = json_string(where, o, key, &s);

	if (ret)
		return ret;
	*copy = strdup(s);
	return *copy ? 0 : fail_nomem(strlen(s), key);
}

static int get_short(const char *where, const cJSON *o, const char *key, char *to, size_t size)
{
	const char *s;
	int ret = json_string(where, o, key, &s);

	if (ret)
		return ret;
	if (!*s || strlen(s) >= size)
		return fail(-EINVAL, "%s: '%s' has %zu bytes, not 1 to %zu", where, key, strlen(s),
			    size - 1);
	strcpy(to, s);
	return 0;
}

/* The column of that name, made where it is new. Return: 0 or -errno. */
static int name_column(const char *where, struct eval_table *t, const cJSON *o, const char *key,
		       int *column)
{
	char name[TABLE_NAME_MAX];
	int ret = get_short(where, o, key, name, sizeof(name));

	if (ret)
		return ret;
	*column = table_find_column(t, name);
	if (*column < 0 && t->columns == TABLE_COLUMNS_MAX)
		return fail(-EINVAL, "%s: more than %d columns", where, TABLE_COLUMNS_MAX);
	if (*column < 0)
		*column = table_column(t, name);
	return *column < 0 ? *column : 0;
}

static int get_metric(const char *where, struct eval_table *t, const cJSON *o)
{
	char name[TABLE_NAME_MAX], kind[TABLE_NAME_MAX];
	int sum = -1, per = -1, ret;

	ret = get_short(where, o, "name", name, sizeof(name));
	if (!ret)
		ret = get_short(where, o, "kind", kind, sizeof(kind));
	if (!ret)
		ret = name_column(where, t, o, "sum", &sum);
	if (!ret && json_get(o, "per"))
		ret = name_column(where, t, o, "per", &per);
	if (ret)
		return ret;
	if (strcmp(kind, kind_names[0]) && strcmp(kind, kind_names[1]))
		return fail(-EINVAL, "%s: a metric of kind '%s'", where, kind);
	if (t->metrics == TABLE_METRICS_MAX || table_find_metric(t, name) >= 0)
		return fail(-EINVAL, "%s: more than %d metrics, or '%s' twice", where,
			    TABLE_METRICS_MAX, name);
	table_metric(t, name, strcmp(kind, kind_names[0]) ? METRIC_RATIO : METRIC_SHARE, sum, per);
	return 0;
}

static int get_facts(const char *where, const cJSON *o, struct eval_table *t)
{
	int ret = get_text(where, o, "task", &t->task);

	if (!ret)
		ret = get_text(where, o, "options", &t->options);
	if (!ret)
		ret = get_text(where, o, "data", &t->data);
	if (!ret)
		ret = get_text(where, o, "model", &t->model);
	if (!ret)
		ret = get_short(where, o, "data_hash", t->data_hash, sizeof(t->data_hash));
	if (!ret)
		ret = get_short(where, o, "model_hash", t->model_hash, sizeof(t->model_hash));
	if (!ret)
		ret = get_short(where, o, "tokenizer_hash", t->tokenizer_hash,
				sizeof(t->tokenizer_hash));
	return ret ? ret : get_short(where, o, "act", t->act, sizeof(t->act));
}

/* @rows_max: so many lines follow */
static int read_header(const char *where, const cJSON *o, size_t rows_max, struct eval_table **out)
{
	const cJSON *metrics, *m;
	long long version, rows, all;
	int ret = json_int(where, o, "knlp_eval", 1, VERSION, &version);

	if (!ret)
		ret = json_int(where, o, "items", 1, ROWS_MAX, &rows);
	if (!ret)
		ret = json_int(where, o, "items_all", rows, ROWS_MAX, &all);
	if (ret)
		return ret;
	if ((size_t)rows != rows_max)
		return fail(-EINVAL, "%s: %lld items are announced, %zu lines follow", where, rows,
			    rows_max);
	ret = table_new(rows, all, out);
	if (!ret)
		ret = get_facts(where, o, *out);
	if (!ret)
		ret = json_array(where, o, "metrics", &metrics);
	if (ret)
		return ret;
	cJSON_ArrayForEach(m, metrics)
		if (!ret)
			ret = get_metric(where, *out, m);
	return ret;
}

static int read_row(const char *where, const cJSON *o, struct eval_table *t, size_t row)
{
	long long item;
	int ret = json_int(where, o, "item", 0, ROWS_MAX, &item);

	if (!ret && (size_t)item != row)
		ret = fail(-EINVAL, "%s: item %lld, where %zu was expected", where, item, row);
	for (int c = 0; c < t->columns && !ret; c++)
		ret = json_double(where, o, t->column[c].name, &t->column[c].x[row]);
	for (int m = 0; m < t->metrics && !ret; m++) {
		double x = t->column[t->metric[m].sum].x[row];

		if (t->metric[m].kind == METRIC_SHARE && x != 0 && x != 1)
			ret = fail(-EINVAL, "%s: '%s' is neither 0 nor 1", where,
				   t->column[t->metric[m].sum].name);
	}
	return ret;
}

static size_t count_lines(const struct eval_text *text)
{
	size_t n = 0;

	for (size_t i = 0; i < text->len; i++)
		n += text->bytes[i] == '\n';
	return n + (text->bytes[text->len - 1] != '\n');
}

static int read_line(const struct eval_text *text, const struct eval_lines *at, const char *line,
		     size_t len, struct eval_table **t)
{
	char *where = str_printf("%s:%ld", text->path, at->number);
	cJSON *o = NULL;
	int ret = where ? json_parse(where, line, len, &o) : fail_nomem(0, "a name");

	if (!ret && at->number == 1)
		ret = read_header(where, o, count_lines(text) - 1, t);
	else if (!ret)
		ret = read_row(where, o, *t, at->number - 2);
	cJSON_Delete(o);
	free(where);
	return ret;
}

int dump_read(const char *path, struct eval_table **out)
{
	struct eval_table *t = NULL;
	struct eval_text text;
	struct eval_lines lines = { .text = &text };
	const char *line;
	size_t len;
	int ret = eval_text_read(path, &text);

	if (ret)
		return ret;
	while (!ret && eval_lines_next(&lines, &line, &len))
		ret = read_line(&text, &lines, line, len, &t);
	eval_text_free(&text);
	if (ret)
		table_free(t);
	else
		*out = t;
	return ret;
}
