// SPDX-License-Identifier: MIT
/*
 * Evaluations of a small random Llama against lm-eval and transformers, item by item, and of
 * planted models whose answers are known.  scripts/peers/golden_eval.py makes tests/data/eval.
 */
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "eval/choice.h"
#include "eval/ppl.h"
#include "io/json.h"
#include "tests/unit/eval-helper.h"

/* fp32 against fp64, of ln p of one token: a hundred roundings of numbers up to 16. */
#define TOLERANCE (100 * 0x1p-24 * 16)

/* ---- golden files ---------------------------------------------------------------- */

static double number(const cJSON *o, const char *key)
{
	const cJSON *item = json_get(o, key);

	ck_assert_msg(cJSON_IsNumber(item), "no %s", key);
	return item->valuedouble;
}

/* The numbers of a row's details called @key against those of the golden line. */
static void check_list(const cJSON *golden, const char *details, const char *key,
		       const cJSON *tokens)
{
	const cJSON *want = json_get(golden, key), *got, *item;
	cJSON *o;
	char *text;
	int i = 0;

	if (!want)
		return;
	text = str_printf("{\"x\":0%s}", details);
	check_ok(json_parse("details", text, strlen(text), &o));
	got = json_get(o, key);
	if (!tokens)
		tokens = json_get(o, "tokens");
	ck_assert_int_eq(cJSON_GetArraySize(got), cJSON_GetArraySize(want));
	cJSON_ArrayForEach(item, want) {
		double x = cJSON_GetArrayItem(got, i)->valuedouble;
		double n = strcmp(key, "log_p") ? 1 : cJSON_GetArrayItem(tokens, i)->valuedouble;

		ck_assert_msg(fabs(x - item->valuedouble) <= TOLERANCE * n,
			      "item %g, %s[%d]: %.9g, not %.9g", number(golden, "item"), key, i, x,
			      item->valuedouble);
		i++;
	}
	cJSON_Delete(o);
	free(text);
}

static void check_row(const cJSON *golden, const struct eval_table *t, size_t row)
{
	ck_assert_msg(number(golden, "item") == row, "item %zu", row);
	for (int c = 0; c < t->columns; c++) {
		const char *name = t->column[c].name;
		double x = t->column[c].x[row], tokens = 8;

		if (!json_get(golden, name))
			continue;
		if (json_get(golden, "tokens"))
			tokens = number(golden, "tokens");
		ck_assert_msg(fabs(x - number(golden, name)) <=
			      (strcmp(name, "nll") ? 0 : tokens * TOLERANCE),
			      "item %zu: %s is %.9g, not %.9g", row, name, x,
			      number(golden, name));
	}
	if (t->details[row]) {
		check_list(golden, t->details[row], "log_p", NULL);
		check_list(golden, t->details[row], "log_p_char", NULL);
		check_list(golden, t->details[row], "log_p_token", NULL);
	}
}

/* All golden lines of @name, in order, are the rows of @t. */
static void check_case(struct eval_lab *lab, const char *name, const struct eval_table *t)
{
	struct eval_lines lines = { .text = &lab->golden };
	const char *line, *which;
	size_t row = 0, len;
	cJSON *o;

	while (eval_lines_next(&lines, &line, &len)) {
		check_ok(json_parse("golden.jsonl", line, len, &o));
		check_ok(json_string("golden.jsonl", o, "case", &which));
		if (!strcmp(which, name)) {
			CHECK(row < t->rows);
			check_row(o, t, row++);
		}
		cJSON_Delete(o);
	}
	ck_assert_uint_eq(row, t->rows);
}

static struct eval_table *ask(struct eval_lab *lab, const char *task, const char *file,
			      size_t limit)
{
	const struct eval_task *which = eval_task_find(task);
	char *path = eval_path(file);
	struct eval_items items;
	struct eval_table *t;
	struct eval_text text;

	check_ok(eval_text_read(path, &text));
	check_ok(items_read(which, &text, limit, &items));
	check_ok(choice_run(&lab->em, which, &text, &items, &t));
	items_free(&items);
	eval_text_free(&text);
	free(path);
	return t;
}

static void eval_golden_questions(void)
{
	static const char *const sets[][2] = {
		{ "hellaswag", "hellaswag.txt" }, { "piqa", "piqa.jsonl" },
		{ "winogrande", "winogrande.jsonl" }, { "lambada", "lambada.jsonl" },
	};
	struct eval_lab lab;

	eval_lab_begin(&lab);
	for (int i = 0; i < 4; i++) {
		struct eval_table *t = ask(&lab, sets[i][0], sets[i][1], 0), *some;

		check_case(&lab, sets[i][0], t);
		ck_assert_uint_eq(t->rows, 24);
		some = ask(&lab, sets[i][0], sets[i][1], 5);
		CHECK(some->rows == 5 && some->rows_all == 24);
		for (int k = 0; k < 5; k++)
			CHECK(some->column[0].x[k] == t->column[0].x[k]);
		table_free(some);
		table_free(t);
	}
	eval_lab_end(&lab);
}
TEST_REGISTER(eval_golden_questions);

static struct eval_table *perplexity(struct eval_lab *lab, const char *file,
				     const struct ppl_options *o)
{
	char *path = tree_path(file);
	struct eval_text text;
	struct eval_table *t;

	check_ok(eval_text_read(path, &text));
	check_ok(ppl_run(&lab->em, &text, o, &t));
	eval_text_free(&text);
	free(path);
	return t;
}

static void eval_golden_texts(void)
{
	static const struct ppl_options llama = { PPL_LLAMA, 64, 0, 0 },
		sliding = { PPL_SLIDING, 80, 24, 0 }, document = { PPL_DOCUMENT, 0, 0, 0 };
	struct eval_table *t;
	struct eval_lab lab;

	eval_lab_begin(&lab);
	t = perplexity(&lab, "tests/data/tokenizer/corpus.txt", &llama);
	check_case(&lab, "llama", t);
	table_free(t);
	t = perplexity(&lab, "tests/data/tokenizer/corpus.txt", &sliding);
	check_case(&lab, "sliding", t);
	table_free(t);
	t = perplexity(&lab, "tests/data/eval/text.txt", &document);
	check_case(&lab, "document", t);
	table_free(t);
	eval_lab_end(&lab);
}
TEST_REGISTER(eval_golden_texts);

#define SHARED 24
#define TAILS 3

static void name_group(const void *ctx, size_t unit, struct strbuf *sb)
{
	strbuf_addf(sb, "%s %zu", (const char *)ctx, unit);
}

/*
 * What a beginning in common saves changes nothing: sequences as one group, as several, and
 * each by itself; longer ones behind shorter ones, and more groups than rows at once.
 */
static void eval_shared_beginnings(void)
{
	enum { GROUPS = 70, NR = GROUPS * TAILS };
	static int32_t tokens[NR][SHARED + 12];
	static struct token_score scores[2][NR][12];
	struct score_units units = { "test", GROUPS, name_group, "group" };
	struct score_seq seqs[2][NR];
	struct rng r = rng_stream(1, "test", 0);
	struct eval_lab lab;
	int groups[GROUPS];

	eval_lab_begin(&lab);
	for (int i = 0; i < NR; i++) {
		int g = i / TAILS, shared = 9 + g % (SHARED - 8), tail = 1 + (5 * i) % 12;

		for (int t = 0; t < shared + tail; t++)
			tokens[i][t] = (int32_t)rng_below(&r, t < shared ? g * 64 + t
								    : 10000 + i * 64 + t, 500);
		for (int k = 0; k < 2; k++)
			seqs[k][i] = (struct score_seq){ tokens[i], shared + tail, shared, g,
							 scores[k][i] };
		groups[g] = TAILS;
	}
	check_ok(scorer_run(&lab.em, seqs[0], NR, groups, &units));
	check_ok(scorer_run(&lab.em, seqs[1], NR, NULL, &units));
	for (int i = 0; i < NR; i++)
		for (int t = 0; t < seqs[0][i].nr - seqs[0][i].first; t++)
			ck_assert_msg(fabsf(scores[0][i][t].log_p - scores[1][i][t].log_p) <
				      TOLERANCE && scores[0][i][t].best == scores[1][i][t].best,
				      "sequence %d, token %d: %g, not %g", i, t,
				      scores[0][i][t].log_p, scores[1][i][t].log_p);
	eval_lab_end(&lab);
}
TEST_REGISTER(eval_shared_beginnings);
