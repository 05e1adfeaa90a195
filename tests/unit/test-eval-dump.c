// SPDX-License-Identifier: MIT
/* Tables in files, and comparisons of two. */
#include <math.h>

#include "eval/compare.h"
#include "eval/dump.h"
#include "eval/items.h"
#include "tests/unit/data-helper.h"

static struct eval_table *make(size_t rows, const char *model)
{
	struct eval_table *t;

	check_ok(table_new(rows, 10, &t));
	t->task = strdup("test");
	t->options = strdup("");
	t->data = strdup("questions\xff");
	t->model = strdup(model);
	strcpy(t->data_hash, "d");
	strcpy(t->model_hash, "m");
	strcpy(t->tokenizer_hash, "t");
	strcpy(t->act, "f32");
	CHECK(table_column(t, "acc") == 0 && table_column(t, "nll") == 1 &&
	      table_column(t, "tokens") == 2);
	table_metric(t, "acc", METRIC_SHARE, 0, -1);
	table_metric(t, "loss", METRIC_RATIO, 1, 2);
	for (size_t i = 0; i < rows; i++) {
		t->column[0].x[i] = i % 3 == 0;
		t->column[1].x[i] = 1.0 / (double)(i + 3);
		t->column[2].x[i] = (double)(i + 1);
	}
	t->details[0] = strdup(",\"log_p\":[1,2]");
	return t;
}

static void eval_dump_round_trip(void)
{
	char *scratch = scratch_make(), *path = path_join(scratch, "a");
	struct eval_table *t = make(8, "x\"y"), *back;

	check_ok(dump_write(t, path));
	check_ok(dump_read(path, &back));
	CHECK(back->rows == 8 && back->rows_all == 10 && back->columns == 3 && back->metrics == 2);
	CHECK(!strcmp(back->model, "x\"y") && !strcmp(back->data, "questions\xef\xbf\xbd"));
	CHECK(back->metric[1].per == 2 && back->metric[0].kind == METRIC_SHARE);
	for (int c = 0; c < 3; c++)
		CHECK(!memcmp(back->column[c].x, t->column[c].x, 8 * sizeof(double)));
	table_free(t);
	table_free(back);
	free(path);
	scratch_remove(scratch);
}
TEST_REGISTER(eval_dump_round_trip);

/* A text in which @from has become @to is refused with @message. */
static void refuse(const char *scratch, const char *good, const char *from, const char *to,
		   const char *message)
{
	char *path = path_join(scratch, "bad");
	struct eval_table *t;

	write_changed(good, path, from, to);
	check_fails(dump_read(path, &t), -EINVAL, message);
	free(path);
}

static void eval_dump_hostile(void)
{
	char *scratch = scratch_make(), *good = path_join(scratch, "good");
	struct eval_table *t = make(2, "m");

	check_ok(dump_write(t, good));
	table_free(t);
	refuse(scratch, good, "\"items\":2", "\"items\":3", "3 items are announced");
	refuse(scratch, good, "\"items\":2", "\"items\":1e8", "'items_all' is 10");
	refuse(scratch, good, "\"items\":2", "\"items\":2e9", "not in");
	refuse(scratch, good, "\"items_all\":10", "\"items_all\":1", "not in");
	refuse(scratch, good, "\"knlp_eval\":1", "\"knlp_eval\":2", "not in");
	refuse(scratch, good, "\"item\":1", "\"item\":0", "item 0, where 1 was expected");
	refuse(scratch, good, "\"acc\":1", "\"acc\":0.5", "neither 0 nor 1");
	refuse(scratch, good, "\"acc\":1", "\"acc\":null", "not a finite number");
	refuse(scratch, good, "\"kind\":\"share\"", "\"kind\":\"x\"", "kind 'x'");
	refuse(scratch, good, "\"name\":\"loss\"", "\"name\":\"acc\"", "'acc' twice");
	refuse(scratch, good, "\"per\":\"tokens\"", "\"per\":\"\"", "0 bytes");
	refuse(scratch, good, "\"data_hash\":\"d\"",
	       "\"data_hash\":\"123456789012345678901234567890123\"", "33 bytes");
	refuse(scratch, good, "]}", "]", "bad:1");
	free(good);
	scratch_remove(scratch);
}
TEST_REGISTER(eval_dump_hostile);

static void eval_compare_known(void)
{
	struct bootstrap boot = { 1, 1000, 0.95 };
	struct eval_table *a = make(10, "a"), *b = make(9, "b");
	struct comparison c;

	for (int i = 0; i < 9; i++) {
		b->column[1].x[i] += 0.25 * (i + 1);	/* a quarter nat more per token */
		if (i < 3)
			b->column[0].x[i] = 0;		/* item 0 was right */
	}
	check_ok(compare_tables(a, b, &boot, &c));
	CHECK(c.items == 9 && c.partial && c.metrics == 2);
	CHECK(c.metric[0].only_a == 1 && !c.metric[0].only_b && c.metric[0].p == 1);
	CHECK(fabs(c.metric[0].difference.value - 1.0 / 9) < 1e-15);
	CHECK(fabs(c.metric[1].difference.value + 0.25) < 1e-12);
	CHECK(c.metric[1].difference.error < 1e-12);
	CHECK(fabs(c.metric[1].interval.low + 0.25) < 1e-12 && c.metric[1].interval.below == 1);
	CHECK(isnan(c.metric[1].p));
	b->column[2].x[4] = 99;		/* other tokens: losses cannot be compared */
	check_ok(compare_tables(a, b, NULL, &c));
	CHECK(c.metrics == 1 && isnan(c.metric[0].interval.low));
	strcpy(b->data_hash, "e");
	check_fails(compare_tables(a, b, NULL, &c), -EINVAL, "the data differ");
	strcpy(b->data_hash, "d");
	b->options[0] = '\0';
	free(b->task);
	b->task = strdup("other");
	check_fails(compare_tables(a, b, NULL, &c), -EINVAL, "the other of other");
	table_free(a);
	table_free(b);
}
TEST_REGISTER(eval_compare_known);

/* ---- files of questions ---------------------------------------------------------------- */

static void eval_items_hostile(void)
{
	static const struct { const char *task, *text, *message; } rows[] = {
		{ "hellaswag", "a\n4\nb\nc\nd\ne\n", "line 2 is '4'" },
		{ "hellaswag", "a\n\nb\nc\nd\ne\n", "line 2 is ''" },
		{ "hellaswag", "a\n1\nb\nc\nd\n", "file:1: the file ends" },
		{ "hellaswag", "a\n1\nb\nc\n\ne\n", "file:1: choice 2 is empty" },
		{ "hellaswag", "a\n1\nb\nc\xff\nd\ne\n", "line 4 is not valid UTF-8" },
		{ "hellaswag", "\xc0\x80\n1\nb\nc\nd\ne\n", "file:1: not valid UTF-8" },
		{ "piqa", "{\"query\":\"q\",\"choices\":[\"a\",\"b\"],\"gold\":0}\n{\n", "file:2" },
		{ "piqa", "{\"query\":\"q\",\"choices\":[\"a\",\"b\"],\"gold\":2}", "'gold' is 2" },
		{ "piqa", "{\"query\":\"q\",\"choices\":[\"a\"],\"gold\":0}", "1 choices" },
		{ "piqa", "{\"query\":\"q\",\"choices\":[\"a\",3],\"gold\":0}", "no string" },
		{ "piqa", "{\"query\":\"q\",\"choices\":[\"a\",\"\"],\"gold\":0}", "1 is empty" },
		{ "piqa", "{\"query\":1,\"choices\":[\"a\",\"b\"],\"gold\":0}", "'query'" },
		{ "piqa", "{\"query\":\"q\",\"query\":\"r\"}", "twice" },
		{ "piqa", "{\"query\":\"\\u0000\"}", "file:1" },
		{ "arc", "{\"choices\":\"a\"}\n\n", "'query' is missing" },
		{ "piqa", "\n\n", "no items" },
		{ "piqa", "[1]", "file:1" },
		{ "piqa", "7", "file:1" },
		{ "lambada", "{\"text\":\"word\"}", "no blank" },
		{ "lambada", "{\"text\":\"word \"}", "empty" },
		{ "lambada", "{\"context\":\"c\"}", "'continuation'" },
		{ "winogrande", "{\"continuation\":\"\",\"context_options\":[\"a\",\"b\"],"
		  "\"gold\":0}", "empty" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct eval_text t = { "file", (char *)rows[i].text, strlen(rows[i].text), "" };
		struct eval_items items;
		int ret = items_read(eval_task_find(rows[i].task), &t, 0, &items);

		ck_assert_msg(ret && strstr(fail_message(), rows[i].message), "row %zu: %d: %s", i,
			      ret, fail_message());
	}
}
TEST_REGISTER(eval_items_hostile);

static void eval_items_forms(void)
{
	static const char six[] = "ctx\r\n2\r\none\r\ntwo\r\nthree\r\nfour";
	struct eval_text t = { "file", (char *)six, strlen(six), "" };
	struct eval_items items;

	check_ok(items_read(eval_task_find("hellaswag"), &t, 0, &items));
	CHECK(items.nr == 1 && items.item[0].gold == 2 && items.item[0].choices == 4);
	CHECK(!strcmp(items.item[0].context[3], "ctx"));
	CHECK(!strcmp(items.item[0].continuation[3], " four") && items.item[0].chars[3] == 4);
	items_free(&items);
}
TEST_REGISTER(eval_items_forms);
