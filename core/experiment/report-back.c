// SPDX-License-Identifier: MIT
/*
 * What an experiment's report says last: documents, cost, configurations, what ran on what.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/format.h"
#include "experiment/report-internal.h"
#include "io/run.h"
#include "report/facts.h"

#define PLAN_MAX (1 << 20)
#define ARMS_MAX 1024	/* of a plan */

/* ---- the document bootstrap --------------------------------------------------------------- */

static void add_documents(const struct xreport *r, struct doc *d)
{
	const struct experiment *plan = r->run->plan;

	if (!r->a->nr_documents)
		return;
	doc_heading(d, 2, "Other held-out texts");
	doc_text(d, "dim", "The models are as they are, the items are drawn anew (bootstrap): what "
		 "another held-out text would change, and no part of the verdict.");
	doc_table(d, "lllrrrrlr");
	for (int i = 0; i < 9; i++)
		doc_cell(d, "%s", (const char *const []){ "Arm", "Measure", "Seed", "Items",
			 "Baseline", "Arm's", "Difference", "Interval", "p (McNemar)" }[i]);
	for (int i = 0; i < r->a->nr_documents; i++) {
		const struct analysis_documents *x = &r->a->documents[i];

		doc_cell(d, "%s", plan->arms[x->arm].name);
		doc_cell(d, "%s %s", plan->measures[x->measure].name, x->metric);
		if (x->seed < 0)
			doc_cell(d, "all %d", x->seeds);
		else
			doc_cell(d, "%lld", plan->seeds[x->seed]);
		doc_cell(d, "%zu", x->items);
		doc_cell(d, "%.5g", x->baseline);
		doc_cell(d, "%.5g", x->value);
		doc_cell(d, "%+.4g", x->difference.value);
		if (x->items > 1)
			doc_cell(d, "[%+.4g, %+.4g]", x->interval.low, x->interval.high);
		else
			doc_cell(d, "-");	/* of one item nothing can be drawn anew */
		doc_number(d, 3, x->p);
	}
	doc_table_end(d);
}

/* ---- cost ---------------------------------------------------------------------------------- */

static void count_cell(struct doc *d, double v)
{
	char text[FORMAT_MAX];

	doc_cell(d, "%s", isfinite(v) && v > 0 ? format_count(text, v) : "-");
}

static void time_cell(struct doc *d, double seconds)
{
	char text[FORMAT_MAX];

	doc_cell(d, "%s", isfinite(seconds) && seconds > 0 ? format_duration(text, seconds) : "-");
}

static void add_cost_row(const struct xreport *r, struct doc *d, int arm)
{
	const struct analysis_cost *c = &r->a->cost[arm];

	doc_cell(d, "%s", r->run->plan->arms[arm].name);
	doc_cell(d, "%d", c->cells);
	count_cell(d, c->parameters);
	count_cell(d, c->tokens);
	doc_number(d, 3, c->tokens_per_parameter);
	count_cell(d, c->unique_tokens);
	doc_number(d, 3, c->epochs);
	count_cell(d, r->flops[arm]);
	time_cell(d, c->seconds);
	count_cell(d, c->tokens_per_s);
	time_cell(d, xreport_spent(r, arm).seconds);
}

static void add_sharing(const struct xreport *r, struct doc *d)
{
	const struct experiment *plan = r->run->plan;
	char text[FORMAT_MAX];
	double saved = 0;
	int shared = 0;

	for (int i = 0; i < r->run->nr_cells; i++) {
		struct xreport_work work = { 0 };

		if (r->cell[i])
			work = xreport_shared(r->cell[i]);
		shared += work.steps > 0;
		saved += work.seconds;
	}
	if (shared)
		doc_text(d, "dim", "%d of %d cells began in others with the same seed, which they "
			 "cannot differ from up to there: the machine was spared %s.", shared,
			 plan->nr_arms * plan->nr_seeds, format_duration(text, saved));
}

static void add_cost(const struct xreport *r, struct doc *d)
{
	static const char *const head[] = {
		"Arm", "Cells", "Parameters", "Tokens", "Tokens/parameter", "Unique tokens",
		"Epochs", "FLOP", "Time", "tok/s", "Time of all seeds",
	};
	double seconds = 0, tokens = 0;
	char a[FORMAT_MAX], b[FORMAT_MAX];

	doc_heading(d, 2, "Cost and data");
	doc_table(d, "lrrrrrrrrrr");
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		doc_cell(d, "%s", head[i]);
	for (int arm = 0; arm < r->run->plan->nr_arms; arm++) {
		struct xreport_work spent = xreport_spent(r, arm);

		add_cost_row(r, d, arm);
		seconds += spent.seconds;
		tokens += spent.tokens;
	}
	doc_table_end(d);
	doc_text(d, "dim", "Of one cell where nothing else is said, as means over those that are "
		 "trained; FLOP are counted on the graphs of training.");
	if (seconds > 0)
		doc_text(d, "dim", "All cells together: %s tokens, %s in steps of training.",
			 format_count(a, tokens), format_duration(b, seconds));
	add_sharing(r, d);
}

/* ---- configurations -------------------------------------------------------------------------- */

static void add_diff(const struct xreport *r, struct doc *d)
{
	const struct experiment *plan = r->run->plan;
	char columns[ARMS_MAX + 2];
	int nr = plan->nr_arms < ARMS_MAX ? plan->nr_arms : ARMS_MAX;

	doc_heading(d, 2, "What differs between the arms");
	if (!r->a->nr_diff) {
		doc_text(d, NULL, "Nothing.");
		return;
	}
	memset(columns, 'm', sizeof(columns));
	columns[nr + 1] = '\0';
	doc_table(d, columns);
	doc_cell(d, "Parameter");
	for (int arm = 0; arm < nr; arm++)
		doc_cell(d, "%s", plan->arms[arm].name);
	for (int i = 0; i < r->a->nr_diff; i++) {
		const char *base = config_text(plan->arms[plan->baseline].cfg, r->a->diff[i]);

		doc_cell(d, "%s", params[r->a->diff[i]].name);
		for (int arm = 0; arm < nr; arm++) {
			const char *v = config_text(plan->arms[arm].cfg, r->a->diff[i]);

			if (strcmp(v, base))
				doc_cell_strong(d, "%s", v);
			else
				doc_cell(d, "%s", v);
		}
	}
	doc_table_end(d);
	doc_text(d, "dim", "The plan lets arms differ in nothing else, but for the seed.");
}

static const struct report_run *first_run(const struct xreport *r, int arm)
{
	const struct report_run *run = NULL;

	for (int seed = 0; seed < r->run->plan->nr_seeds && !run; seed++)
		run = xreport_run(r, arm, seed);
	return run;
}

static void add_config(const struct xreport *r, struct doc *d)
{
	const struct experiment *plan = r->run->plan;
	const struct report_run *run = first_run(r, plan->baseline);

	if (!run)
		return;
	doc_fold(d, "what the baseline has other than by default");
	doc_table(d, "mmm");
	doc_cell(d, "Parameter");
	doc_cell(d, "%s", plan->arms[plan->baseline].name);
	doc_cell(d, "Default");
	for (int id = 0; id < PARAM_COUNT; id++) {
		if (!facts_is_changed(run, id) || id == PARAM_TRAIN_SEED)
			continue;
		doc_cell(d, "%s", params[id].name);
		doc_cell(d, "%s", config_text(run->cfg, id));
		doc_cell(d, "%s", config_text(run->plain, id));
	}
	doc_table_end(d);
	doc_fold_end(d);
}

/* ---- what ran, on what --------------------------------------------------------------------- */

/** struct fact_sink - where facts go: long lists behind the table, as one column would be. */
struct fact_sink {
	struct doc *d;
	struct strbuf lists;	/* a line for each, "kernels: ..." */
};

#define CELL_MOST 100

static void add_fact(void *ctx, const char *key, const char *value, bool is_list)
{
	struct fact_sink *sink = ctx;
	struct strbuf text;

	if (!*value)
		return;
	strbuf_init(&text);
	for (; *value; value++)
		strbuf_adds(&text, is_list && *value == '\n' ? ", " : (char[2]){ *value, 0 });
	if (is_list && text.len > CELL_MOST) {
		strbuf_addf(&sink->lists, "%s: %s\n", key, text.s);
	} else {
		doc_cell(sink->d, "%s", key);
		doc_cell(sink->d, "%s", text.s);
	}
	sink->lists.failed |= text.failed;
	strbuf_free(&text);
}

static void sink_begin(struct fact_sink *sink, struct doc *d, const char *title)
{
	*sink = (struct fact_sink){ .d = d };
	strbuf_init(&sink->lists);
	doc_table(d, "ll");
	doc_cell(d, "%s", "");
	doc_cell(d, "%s", title);
}

static void sink_end(struct fact_sink *sink)
{
	doc_table_end(sink->d);
	for (char *line = strtok(sink->lists.s, "\n"); line; line = strtok(NULL, "\n"))
		doc_text(sink->d, "dim", "%s", line);
	sink->d->out->failed |= sink->lists.failed;
	strbuf_free(&sink->lists);
}

/* The same key of two manifests; one that is a list or a map is compared with all in it. */
static bool is_same(const struct yml *a, const struct yml *b)
{
	if (!a || !b || a->kind != b->kind)
		return a == b;
	if (a->kind != YML_IS_MAP && a->kind != YML_IS_LIST)
		return a->text && b->text && !strcmp(a->text, b->text);
	for (a = a->child, b = b->child; a && b; a = a->next, b = b->next)
		if (!is_same(a, b))
			return false;
	return a == b;
}

static void warn_of_machines(const struct xreport *r, struct doc *d)
{
	static const char *const keys[] = { "version", "kernels", "libraries", "data_hash",
					    "tokenizer", "host" };
	const struct report_run *first = NULL;

	for (int i = 0; i < r->run->nr_cells; i++) {
		const struct report_run *run = r->cell[i];

		first = first ? first : run;
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]) && run; k++) {
			if (is_same(yml_get(first->folder->manifest, keys[k]),
				    yml_get(run->folder->manifest, keys[k])))
				continue;
			doc_text(d, "warn", "Cells differ in what they ran with: %s of %s and of "
				 "%s are not the same.", keys[k], first->folder->path,
				 run->folder->path);
			return;
		}
	}
}

static void add_states(const struct xreport *r, struct doc *d)
{
	const struct experiment *plan = r->run->plan;

	if (r->a->state[CELL_DONE] == r->run->nr_cells)
		return;
	doc_heading(d, 2, "Cells that are not done");
	doc_table(d, "lrlrl");
	doc_cell(d, "Arm");
	doc_cell(d, "Seed");
	doc_cell(d, "State");
	doc_cell(d, "Steps");
	doc_cell(d, "Why");
	for (int i = 0; i < r->run->nr_cells; i++) {
		const struct experiment_cell *cell = &r->run->cells[i];

		if (cell->state == CELL_DONE)
			continue;
		doc_cell(d, "%s", plan->arms[cell->arm].name);
		doc_cell(d, "%lld", plan->seeds[cell->seed]);
		doc_cell(d, "%s", cell_state_name(cell->state));
		if (plan->model)
			doc_cell(d, "-");
		else
			doc_cell(d, "%lld of %lld", cell->done, cell->steps);
		doc_cell(d, "%s", cell->failure);
	}
	doc_table_end(d);
}

/* A number of a cell that cannot be had though the cell is done. */
static void add_failures(const struct xreport *r, struct doc *d)
{
	const struct experiment *plan = r->run->plan;

	for (int arm = 0; arm < plan->nr_arms; arm++)
		for (int seed = 0; seed < plan->nr_seeds; seed++) {
			const struct analysis_value *v = &r->a->tables[0].arm[arm].value[seed];

			if (v->state == VALUE_FAILED && v->why)
				doc_text(d, "warn", "%s, seed %lld, has no %s: %s",
					 plan->arms[arm].name, plan->seeds[seed],
					 plan->metric.name, v->why);
		}
}

static void add_plan(const struct xreport *r, struct doc *d)
{
	char *path = str_printf("%s/plan/plan.yaml", r->run->path), *text = NULL;
	size_t len;

	if (path && !file_read_all(path, PLAN_MAX, &text, &len)) {
		doc_fold(d, "the plan");
		doc_pre(d, text);
		doc_fold_end(d);
	}
	fail_clear();
	free(text);
	free(path);
}

static int add_provenance(const struct xreport *r, struct doc *d)
{
	const struct report_run *run = first_run(r, r->run->plan->baseline);
	struct fact_sink sink;
	int ret;

	doc_heading(d, 2, "What ran, on what");
	warn_of_machines(r, d);
	sink_begin(&sink, d, "The experiment");
	ret = facts_manifest(r->run->manifest, add_fact, &sink);
	add_fact(&sink, "plan now", r->run->plan_state == PLAN_SAME ? "as it was" :
		 r->run->plan_state == PLAN_GONE ? "its folder is gone" :
		 r->run->plan_state == PLAN_EDITED ? "edited" : "altered", false);
	add_fact(&sink, "run folder", r->run->path, false);
	sink_end(&sink);
	if (!run || ret)
		return ret;
	doc_fold(d, "a training of the baseline");
	sink_begin(&sink, d, run->folder->path);
	ret = facts_walk(run, add_fact, &sink);
	sink_end(&sink);
	doc_fold_end(d);
	return ret;
}

int xreport_back(const struct xreport *r, struct doc *d)
{
	int ret;

	add_documents(r, d);
	if (!r->run->model)
		add_cost(r, d);
	add_diff(r, d);
	add_config(r, d);
	add_states(r, d);
	add_failures(r, d);
	ret = add_provenance(r, d);
	add_plan(r, d);
	return ret;
}
