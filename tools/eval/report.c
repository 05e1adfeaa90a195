// SPDX-License-Identifier: MIT
#include "tools/eval/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/ppl.h"
#include "tools/json-out.h"

/* Metrics that are means of -ln p: their exponential is a perplexity. */
static bool is_loss(const char *name)
{
	return !strcmp(name, "loss") || !strcmp(name, "ln_ppl");
}

static struct stats_estimate exp_of(struct stats_estimate e)
{
	return (struct stats_estimate){ exp(e.value), exp(e.value) * e.error };
}

/* As llama-perplexity has it. */
static struct stats_estimate token_loss(const struct eval_table *t)
{
	return (struct stats_estimate){ table_sum(t, "nll") / table_sum(t, "tokens"),
					ppl_token_error(t) };
}

static void print_estimate(const char *name, struct stats_estimate e, int digits)
{
	/* A perplexity knows no bounds. */
	const char *form = e.value < 1e6 ? "%.*f" : "%.*g";

	printf("%-16s ", name);
	printf(form, digits, e.value);
	if (isfinite(e.error)) {
		printf(" +/- ");
		printf(form, digits, e.error);
	}
	putchar('\n');
}

void report_table(const struct eval_table *t, const char *units)
{
	printf("%-16s %zu", units, t->rows);
	if (t->rows < t->rows_all)
		printf(" of %zu (partial)", t->rows_all);
	putchar('\n');
	for (int m = 0; m < t->metrics; m++) {
		const char *name = t->metric[m].name;
		struct stats_estimate e = table_estimate(t, m);

		print_estimate(name, e, t->metric[m].kind == METRIC_SHARE ? 4 : 5);
		if (is_loss(name))
			print_estimate("ppl", exp_of(e), 4);
	}
	if (table_find_column(t, "nll2") >= 0)
		print_estimate("ppl by tokens", exp_of(token_loss(t)), 4);
}

static void add_estimate(struct json_out *o, const char *name, struct stats_estimate e)
{
	char key[TABLE_NAME_MAX + 8];

	json_out_number(o, name, e.value);
	snprintf(key, sizeof(key), "%s_error", name);
	json_out_number(o, key, e.error);
}

void report_table_json(struct json_out *o, const struct eval_table *t)
{
	json_out_text(o, "task", t->task);
	json_out_text(o, "model", t->model);
	json_out_text(o, "model_hash", t->model_hash);
	json_out_text(o, "data", t->data);
	json_out_text(o, "data_hash", t->data_hash);
	json_out_text(o, "options", t->options);
	json_out_text(o, "act", t->act);
	json_out_int(o, "items", (long long)t->rows);
	json_out_int(o, "items_all", (long long)t->rows_all);
	json_out_bool(o, "partial", t->rows < t->rows_all);
	for (int m = 0; m < t->metrics; m++) {
		struct stats_estimate e = table_estimate(t, m);

		add_estimate(o, t->metric[m].name, e);
		if (is_loss(t->metric[m].name))
			add_estimate(o, "ppl", exp_of(e));
	}
	if (table_find_column(t, "nll2") >= 0)
		json_out_number(o, "ppl_error_tokens", exp_of(token_loss(t)).error);
}

/* ---- two models ------------------------------------------------------------------- */

static void print_metric(const struct metric_comparison *m, bool interval)
{
	printf("%-16s %10.5f %10.5f  %+10.5f +/- %.5f", m->name, m->a.value, m->b.value,
	       m->difference.value, m->difference.error);
	if (interval)
		printf("  [%+.5f, %+.5f]", m->interval.low, m->interval.high);
	if (m->kind == METRIC_SHARE)
		printf("  %lld:%lld p=%.4g", (long long)m->only_a, (long long)m->only_b, m->p);
	putchar('\n');
}

void report_comparison(const struct comparison *c, const char *a, const char *b,
		       const struct bootstrap *boot)
{
	bool share = false;

	printf("A                %s\nB                %s\n", a, b);
	printf("items            %zu%s\n", c->items, c->partial ? " (partial)" : "");
	printf("%-16s %10s %10s  %10s\n", "", "A", "B", "A - B");
	for (int m = 0; m < c->metrics; m++) {
		print_metric(&c->metric[m], boot);
		share |= c->metric[m].kind == METRIC_SHARE;
	}
	if (boot)
		printf("[...]: %g %% interval of the paired bootstrap, %d draws, seed %llu\n",
		       100 * boot->level, boot->draws, (unsigned long long)boot->seed);
	if (share)
		puts("a:b p: items that only A or only B got right, and McNemar's exact p");
}

static void add_metric(struct json_out *o, const struct metric_comparison *m)
{
	add_estimate(o, "a", m->a);
	add_estimate(o, "b", m->b);
	add_estimate(o, "difference", m->difference);
	if (isfinite(m->interval.low)) {
		json_out_number(o, "low", m->interval.low);
		json_out_number(o, "high", m->interval.high);
		json_out_number(o, "below_zero", m->interval.below);
	}
	if (m->kind == METRIC_SHARE) {
		json_out_int(o, "only_a", m->only_a);
		json_out_int(o, "only_b", m->only_b);
		json_out_number(o, "mcnemar_p", m->p);
	}
}

void report_comparison_json(struct json_out *o, const struct comparison *c)
{
	json_out_int(o, "items", (long long)c->items);
	json_out_bool(o, "partial", c->partial);
	for (int m = 0; m < c->metrics; m++)
		add_metric(json_out_object(o, c->metric[m].name), &c->metric[m]);
}
