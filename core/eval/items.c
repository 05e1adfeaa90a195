// SPDX-License-Identifier: MIT
#include "eval/items.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "data/utf8.h"
#include "io/json.h"

#define QUESTION "Question: "
#define ANSWER "Answer:"

/** struct reader - where in the file we are. */
struct reader {
	const struct eval_task *task;
	struct eval_lines lines;
	struct eval_item item;		/* being read; what it holds is its own */
	const char *where;		/* "FILE:LINE" */
	size_t like;			/* items that are like those of the task */
};

static int characters(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static void free_item(struct eval_item *item)
{
	for (int c = 0; c < item->choices; c++) {
		free(item->context[c]);
		free(item->continuation[c]);
	}
	*item = (struct eval_item){ 0 };
}

/* A choice of the item: @context, a blank, @continuation.  @choice is what was chosen. */
static int add_choice(struct reader *r, const char *context, const char *continuation,
		      const char *choice)
{
	struct eval_item *item = &r->item;
	int c = item->choices;

	if (!*choice || !*continuation)
		return fail(-EINVAL, "%s: choice %d is empty", r->where, c);
	item->context[c] = strdup(context);
	item->continuation[c] = str_printf(" %s", continuation);
	item->chars[c] = characters(choice);
	item->choices++;
	return item->context[c] && item->continuation[c] ? 0 : fail_nomem(0, "an item");
}

/* ---- JSON ----------------------------------------------------------------------- */

static int get_gold(struct reader *r, const cJSON *o, int choices)
{
	long long gold = 0;
	int ret = json_int(r->where, o, "gold", 0, choices - 1, &gold);

	r->item.gold = (int)gold;
	return ret;
}

static int get_list(struct reader *r, const cJSON *o, const char *key, const cJSON **list,
		    int *nr)
{
	const cJSON *item;
	int ret = json_array(r->where, o, key, list);

	if (ret)
		return ret;
	*nr = cJSON_GetArraySize(*list);
	if (*nr < 2 || *nr > ITEM_CHOICES_MAX)
		return fail(-EINVAL, "%s: %d choices, not 2 to %d", r->where, *nr,
			    ITEM_CHOICES_MAX);
	cJSON_ArrayForEach(item, *list)
		if (!cJSON_IsString(item))
			return fail(-EINVAL, "%s: '%s' holds what is no string", r->where, key);
	return 0;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/* lm-eval asks "Question: ...\nAnswer:"; files have the question, with or without a line end. */
static char *query_context(const struct eval_task *task, const char *query)
{
	if (!task->answer || ends_with(query, ANSWER))
		return strdup(query);
	return str_printf("%s%s" ANSWER, query, ends_with(query, "\n") ? "" : "\n");
}

static int read_query(struct reader *r, const cJSON *o)
{
	const char *query;
	const cJSON *list, *choice;
	char *context;
	int nr, ret = json_string(r->where, o, "query", &query);

	if (!ret)
		ret = get_list(r, o, "choices", &list, &nr);
	if (!ret)
		ret = get_gold(r, o, nr);
	if (ret)
		return ret;
	context = query_context(r->task, query);
	if (!context)
		return fail_nomem(strlen(query), "an item");
	cJSON_ArrayForEach(choice, list)
		if (!ret)
			ret = add_choice(r, context, choice->valuestring, choice->valuestring);
	free(context);
	return ret;
}

static int read_options(struct reader *r, const cJSON *o)
{
	const char *continuation;
	const cJSON *list, *option;
	int nr, ret = json_string(r->where, o, "continuation", &continuation);

	if (!ret)
		ret = get_list(r, o, "context_options", &list, &nr);
	if (!ret)
		ret = get_gold(r, o, nr);
	if (ret)
		return ret;
	cJSON_ArrayForEach(option, list)
		if (!ret)
			ret = add_choice(r, option->valuestring, continuation, option->valuestring);
	return ret;
}

/* The last word of "text" is what follows its last blank. */
static int read_text(struct reader *r, const char *text)
{
	const char *blank = strrchr(text, ' ');
	char *context;
	int ret;

	if (!blank)
		return fail(-EINVAL, "%s: 'text' has no blank in front of its last word", r->where);
	context = strndup(text, blank - text);
	if (!context)
		return fail_nomem(strlen(text), "an item");
	ret = add_choice(r, context, blank + 1, blank + 1);
	free(context);
	return ret;
}

static int read_cloze(struct reader *r, const cJSON *o)
{
	const char *context, *word;
	int ret;

	if (json_get(o, "text")) {
		ret = json_string(r->where, o, "text", &word);
		return ret ? ret : read_text(r, word);
	}
	ret = json_string(r->where, o, "context", &context);
	if (!ret)
		ret = json_string(r->where, o, "continuation", &word);
	return ret ? ret : add_choice(r, context, word, word);
}

static int read_json(struct reader *r, const char *line, size_t len)
{
	cJSON *o;
	int ret = json_parse(r->where, line, len, &o);

	if (ret)
		return ret;
	if (r->task->form == FORM_QUERY)
		ret = read_query(r, o);
	else if (r->task->form == FORM_OPTIONS)
		ret = read_options(r, o);
	else
		ret = read_cloze(r, o);
	cJSON_Delete(o);
	return ret;
}

/* ---- six lines ------------------------------------------------------------------- */

static int next_line(struct reader *r, char **copy)
{
	const char *line;
	size_t len;

	if (!eval_lines_next(&r->lines, &line, &len))
		return fail(-EINVAL, "%s: the file ends in the middle of an item (six lines)",
			    r->where);
	if (utf8_valid(line, len) != len || memchr(line, '\0', len))
		return fail(-EINVAL, "%s: line %ld is not valid UTF-8", r->lines.text->path,
			    r->lines.number);
	*copy = strndup(line, len);
	return *copy ? 0 : fail_nomem(len, "an item");
}

static int read_label(struct reader *r)
{
	char *line;
	int ret = next_line(r, &line);

	if (ret)
		return ret;
	if (*line < '0' || *line > '3' || line[1])
		ret = fail(-EINVAL, "%s: line %ld is '%.20s', not the number of an ending, 0 to 3",
			   r->lines.text->path, r->lines.number, line);
	r->item.gold = *line - '0';
	free(line);
	return ret;
}

static int read_six(struct reader *r, const char *context)
{
	int ret = read_label(r);

	for (int c = 0; c < 4 && !ret; c++) {
		char *line;

		ret = next_line(r, &line);
		if (ret)
			return ret;
		ret = add_choice(r, context, line, line);
		free(line);
	}
	return ret;
}

/* ---- files ----------------------------------------------------------------------- */

static int keep_item(struct reader *r, size_t limit, struct eval_items *items)
{
	items->nr_all++;
	if (limit && items->nr == limit) {
		free_item(&r->item);
		return 0;
	}
	if (items->nr == items->cap) {
		size_t cap = items->cap ? 2 * items->cap : 256;
		struct eval_item *item = realloc(items->item, cap * sizeof(*item));

		if (!item)
			return fail_nomem(cap * sizeof(*item), "items");
		items->item = item;
		items->cap = cap;
	}
	items->item[items->nr++] = r->item;
	r->item = (struct eval_item){ 0 };
	return 0;
}

static int read_item(struct reader *r, const char *line, size_t len)
{
	char *copy;
	int ret;

	r->item.line = r->lines.number;
	if (utf8_valid(line, len) != len || memchr(line, '\0', len))
		return fail(-EINVAL, "%s: not valid UTF-8", r->where);
	if (r->task->form != FORM_SIX_LINES)
		return read_json(r, line, len);
	copy = strndup(line, len);
	if (!copy)
		return fail_nomem(len, "an item");
	ret = read_six(r, copy);
	free(copy);
	return ret;
}

static bool is_like(const struct eval_task *task, const struct eval_item *item)
{
	bool asks = !strncmp(item->context[0], QUESTION, strlen(QUESTION));

	if (task->most && (item->choices < task->least || item->choices > task->most))
		return false;
	return !task->asks || asks == (task->asks > 0);
}

/* What is scored as one task and is another's would have a number like any other. */
static int check_like(const struct reader *r, const struct eval_items *items)
{
	const struct eval_task *task = r->task;
	struct strbuf sb;
	int ret = 0;

	if (r->like == items->nr_all)
		return 0;
	strbuf_init(&sb);
	strbuf_addf(&sb, "like those of %s: %d", task->name, task->least);
	if (task->most > task->least)
		strbuf_addf(&sb, " to %d", task->most);
	strbuf_addf(&sb, " choices%s", !task->asks ? "" : task->asks > 0
		    ? ", '" QUESTION "' in front" : ", no '" QUESTION "' in front");
	if (r->like)
		log_warn("%s: %zu of %zu questions are not %s", r->lines.text->path,
			 items->nr_all - r->like, items->nr_all, sb.s);
	else
		ret = fail(-EINVAL, "%s: data of another task? No question is %s",
			   r->lines.text->path, sb.s);
	strbuf_free(&sb);
	return ret;
}

int items_read(const struct eval_task *task, const struct eval_text *text, size_t limit,
	       struct eval_items *items)
{
	struct reader r = { .task = task, .lines = { .text = text } };
	const char *line;
	size_t len;
	int ret = 0;

	*items = (struct eval_items){ 0 };
	while (!ret && eval_lines_next(&r.lines, &line, &len)) {
		char *where;

		if (!len && task->form != FORM_SIX_LINES)
			continue;
		where = str_printf("%s:%ld", text->path, r.lines.number);
		r.where = where;
		ret = where ? read_item(&r, line, len) : fail_nomem(0, "a name");
		if (!ret)
			r.like += is_like(task, &r.item);
		if (!ret)
			ret = keep_item(&r, limit, items);
		free_item(&r.item);
		free(where);
	}
	if (!ret && !items->nr)
		ret = fail(-EINVAL, "%s: no items", text->path);
	if (!ret)
		ret = check_like(&r, items);
	if (ret)
		items_free(items);
	return ret;
}

void items_free(struct eval_items *items)
{
	for (size_t i = 0; i < items->nr; i++)
		free_item(&items->item[i]);
	free(items->item);
	*items = (struct eval_items){ 0 };
}
