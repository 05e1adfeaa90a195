// SPDX-License-Identifier: MIT
/* What `knlp eval` reads of users: dumps of items, and files of questions in all their forms. */
#include <string.h>

#include "eval/compare.h"
#include "eval/dump.h"
#include "eval/items.h"
#include "tests/fuzz/fuzz.h"

static void one_dump(const uint8_t *data, size_t len)
{
	struct eval_table *t;
	struct comparison c;

	if (dump_read(fuzz_file("x.jsonl", data, len), &t))
		return;
	for (int i = 0; i < t->columns; i++)
		fuzz_look(t->column[i].x, t->rows * sizeof(*t->column[i].x));
	compare_tables(t, t, NULL, &c);
	table_free(t);
}
FUZZ_REGISTER(eval_dump, one_dump);

static void look_at_item(const struct eval_item *item)
{
	for (int c = 0; c < item->choices; c++) {
		fuzz_look(item->context[c], strlen(item->context[c]));
		fuzz_look(item->continuation[c], strlen(item->continuation[c]));
	}
}

/* Tasks differ in their forms; every one is given the file. */
static void one_items(const uint8_t *data, size_t len)
{
	struct eval_items items;
	struct eval_text text;

	if (eval_text_read(fuzz_file("x.jsonl", data, len), &text))
		return;
	for (const struct eval_task *task = eval_tasks; task->name; task++) {
		if (items_read(task, &text, 3, &items))
			continue;
		for (size_t i = 0; i < items.nr; i++)
			look_at_item(&items.item[i]);
		items_free(&items);
	}
	eval_text_free(&text);
}
FUZZ_REGISTER(eval_items, one_items);
