// SPDX-License-Identifier: MIT
/*
 * An experiment's report as JSON, for programs: Documentation/formats/report.md.
 */
#include <math.h>

#include "base/build-info.h"
#include "experiment/report-internal.h"
#include "io/json.h"
#include "io/run.h"
#include "report/facts.h"
#include "report/json-put.h"

#define FORMAT 1

static const char *const plan_states[] = {
	[PLAN_SAME] = "same", [PLAN_GONE] = "gone", [PLAN_EDITED] = "edited",
	[PLAN_ALTERED] = "altered",
};

static void open_object(struct strbuf *out)
{
	json_put_separator(out);
	strbuf_addc(out, '{');
}

static void add_number(struct strbuf *out, double v)
{
	json_put_separator(out);
	json_add_double(out, v);
}

static void put_metric(struct strbuf *out, const struct experiment_metric *m)
{
	json_put_text(out, "name", m->name);
	json_put_text(out, "from", m->from);
	json_put_text(out, "unit", m->unit);
	json_put_text(out, "better", m->lower ? "lower" : "higher");
}

static void put_plan(const struct xreport *r, struct strbuf *out)
{
	const struct experiment *plan = r->run->plan;

	json_put_text(out, "experiment", plan->name);
	json_put_text(out, "hypothesis", plan->hypothesis);
	json_put_open(out, "metric", '{');
	put_metric(out, &plan->metric);
	strbuf_addc(out, '}');
	json_put_number(out, "delta", plan->delta);
	json_put_open(out, "seeds", '[');
	for (int i = 0; i < plan->nr_seeds; i++)
		add_number(out, (double)plan->seeds[i]);
	strbuf_addc(out, ']');
	json_put_open(out, "at", '[');
	for (int i = 0; i < plan->nr_at; i++)
		add_number(out, plan->at[i]);
	strbuf_addc(out, ']');
	json_put_text(out, "baseline", plan->arms[plan->baseline].name);
	if (plan->primary >= 0)
		json_put_text(out, "primary", plan->arms[plan->primary].name);
	json_put_text(out, "plan_hash", r->run->hash);
	json_put_text(out, "plan", plan_states[r->run->plan_state]);
	json_put_text(out, "plan_changes", r->run->edited);
}

static void put_states(const struct xreport *r, struct strbuf *out)
{
	json_put_bool(out, "finished", r->a->state[CELL_DONE] == r->run->nr_cells);
	json_put_bool(out, "active", r->run->active);
	json_put_open(out, "cells", '{');
	for (int s = 0; s <= CELL_DONE; s++)
		json_put_number(out, cell_state_name(s), r->a->state[s]);
	strbuf_addc(out, '}');
}

static void put_gain(struct strbuf *out, const char *key, const struct stats_paired *p)
{
	json_put_open(out, key, '{');
	json_put_number(out, "n", p->n);
	json_put_number(out, "mean", p->mean);
	json_put_number(out, "sd", p->sd);
	json_put_number(out, "se", p->se);
	json_put_number(out, "low", p->low);
	json_put_number(out, "high", p->high);
	json_put_number(out, "p", p->p);
	strbuf_addc(out, '}');
}

static void put_verdict(struct strbuf *out, const struct analysis_contrast *c)
{
	json_put_open(out, "verdict", '{');
	json_put_text(out, "word", verdict_name(c->verdict.word));
	json_put_bool(out, "equivalent", c->verdict.equivalent);
	json_put_bool(out, "reversed", c->verdict.reversed);
	json_put_number(out, "p", c->verdict.p);
	json_put_number(out, "p_adjusted", c->verdict.p_adjusted);
	json_put_number(out, "found", c->found);
	strbuf_addc(out, '}');
}

static void put_values(const struct xreport *r, const struct analysis_arm *a, bool gain,
		       struct strbuf *out)
{
	json_put_open(out, gain ? "gains" : "values", '[');
	for (int i = 0; i < r->run->plan->nr_seeds; i++)
		add_number(out, gain ? a->value[i].gain : a->value[i].value);
	strbuf_addc(out, ']');
}

static void put_table_arm(const struct xreport *r, const struct analysis_table *t, int arm,
			  struct strbuf *out)
{
	const struct experiment *plan = r->run->plan;
	const struct analysis_arm *a = &t->arm[arm];

	open_object(out);
	json_put_text(out, "arm", plan->arms[arm].name);
	put_values(r, a, false, out);
	json_put_number(out, "mean", a->mean);
	json_put_number(out, "sd", a->sd);
	if (arm != plan->baseline) {
		put_values(r, a, true, out);
		put_gain(out, "gain", &a->contrast.gain);
		json_put_bool(out, "same", a->contrast.same);
		json_put_bool(out, "one_replicate", a->contrast.one);
	}
	strbuf_addc(out, '}');
}

static void put_tables(const struct xreport *r, struct strbuf *out)
{
	const struct experiment *plan = r->run->plan;

	json_put_open(out, "tables", '[');
	for (int i = 0; i < r->a->nr_tables; i++) {
		const struct analysis_table *t = &r->a->tables[i];

		open_object(out);
		put_metric(out, t->metric);
		json_put_number(out, "at", plan->at[t->at]);
		json_put_open(out, "arms", '[');
		for (int arm = 0; arm < plan->nr_arms; arm++)
			put_table_arm(r, t, arm, out);
		strbuf_adds(out, "]}");
	}
	strbuf_addc(out, ']');
}

static void put_cost(const struct xreport *r, int arm, struct strbuf *out)
{
	const struct analysis_cost *c = &r->a->cost[arm];
	struct xreport_work spent = xreport_spent(r, arm);

	json_put_open(out, "cost", '{');
	json_put_number(out, "cells", c->cells);
	json_put_number(out, "parameters", c->parameters);
	json_put_number(out, "tokens", c->tokens);
	json_put_number(out, "tokens_per_parameter", c->tokens_per_parameter);
	json_put_number(out, "unique_tokens", c->unique_tokens);
	json_put_number(out, "epochs", c->epochs);
	json_put_number(out, "flops", r->flops[arm]);
	json_put_number(out, "seconds", c->seconds);
	json_put_number(out, "tokens_per_s", c->tokens_per_s);
	json_put_number(out, "tokens_spent", spent.tokens);
	json_put_number(out, "seconds_spent", spent.seconds);
	strbuf_addc(out, '}');
}

static void put_arm(const struct xreport *r, int arm, struct strbuf *out)
{
	const struct experiment_arm *a = &r->run->plan->arms[arm];
	const struct analysis_contrast *c = &r->a->tables[0].arm[arm].contrast;

	open_object(out);
	json_put_text(out, "name", a->name);
	json_put_text(out, "role", arm_role_name(a->role));
	json_put_text(out, "what", a->what);
	if (a->expect != EXPECT_NOTHING) {
		json_put_text(out, "expect", arm_expect_name(a->expect));
		json_put_text(out, "outcome", analysis_control_name(r->a->expect[arm]));
	}
	if (a->role == ARM_PRIMARY || a->role == ARM_OTHER)
		put_verdict(out, c);
	if (r->a->over_control[arm].gain.n)
		put_gain(out, "primary_over_it", &r->a->over_control[arm].gain);
	json_put_open(out, "differs", '{');
	for (int i = 0; i < r->a->nr_diff; i++)
		json_put_text(out, params[r->a->diff[i]].name, config_text(a->cfg, r->a->diff[i]));
	strbuf_addc(out, '}');
	put_cost(r, arm, out);
	strbuf_addc(out, '}');
}

static void put_cell(const struct xreport *r, int i, struct strbuf *out)
{
	const struct experiment *plan = r->run->plan;
	const struct experiment_cell *cell = &r->run->cells[i];
	const struct report_run *run = r->cell[i];
	double shared = run ? xreport_shared(run).steps : 0;

	open_object(out);
	json_put_text(out, "arm", plan->arms[cell->arm].name);
	json_put_number(out, "seed", (double)plan->seeds[cell->seed]);
	json_put_text(out, "state", cell_state_name(cell->state));
	json_put_number(out, "steps", (double)cell->done);
	json_put_number(out, "steps_planned", (double)cell->steps);
	json_put_number(out, "steps_shared", shared);
	if (cell->state == CELL_FAILED)
		json_put_text(out, "failure", cell->failure);
	json_put_text(out, "path", cell->path);
	if (r->config[i])
		json_put_text(out, "config_doubt", r->config[i]);
	json_put_open(out, "eval", '[');
	for (size_t k = 0; run && k < run->nr_evals; k++) {
		open_object(out);
		json_put_number(out, "step", run->evals[k].step);
		json_put_number(out, "tokens", run->evals[k].tokens);
		json_put_number(out, "loss", run->evals[k].loss);
		strbuf_addc(out, '}');
	}
	strbuf_adds(out, "]}");
}

static void put_documents(const struct xreport *r, struct strbuf *out)
{
	const struct experiment *plan = r->run->plan;

	json_put_open(out, "documents", '[');
	for (int i = 0; i < r->a->nr_documents; i++) {
		const struct analysis_documents *x = &r->a->documents[i];

		open_object(out);
		json_put_text(out, "arm", plan->arms[x->arm].name);
		json_put_text(out, "measure", plan->measures[x->measure].name);
		json_put_text(out, "metric", x->metric);
		json_put_number(out, "seed", x->seed < 0 ? NAN : (double)plan->seeds[x->seed]);
		json_put_number(out, "seeds", x->seeds);
		json_put_number(out, "items", (double)x->items);
		json_put_number(out, "baseline", x->baseline);
		json_put_number(out, "value", x->value);
		json_put_number(out, "difference", x->difference.value);
		json_put_number(out, "error", x->difference.error);
		json_put_number(out, "low", x->interval.low);
		json_put_number(out, "high", x->interval.high);
		json_put_number(out, "p_mcnemar", x->p);
		strbuf_addc(out, '}');
	}
	strbuf_addc(out, ']');
}

static void put_fact(void *ctx, const char *key, const char *value, bool is_list)
{
	(void)is_list;
	json_put_text(ctx, key, value);
}

int xreport_json(const struct xreport *r, struct strbuf *out)
{
	int ret;

	strbuf_addc(out, '{');
	json_put_number(out, "format", FORMAT);
	json_put_text(out, "program", "knlp");
	json_put_text(out, "version", knlp_version());
	put_plan(r, out);
	put_states(r, out);
	json_put_number(out, "level", r->a->level);
	json_put_open(out, "arms", '[');
	for (int arm = 0; arm < r->run->plan->nr_arms; arm++)
		put_arm(r, arm, out);
	strbuf_addc(out, ']');
	put_tables(r, out);
	put_documents(r, out);
	json_put_open(out, "runs", '[');
	for (int i = 0; i < r->run->nr_cells; i++)
		put_cell(r, i, out);
	strbuf_addc(out, ']');
	json_put_open(out, "provenance", '{');
	ret = facts_manifest(r->run->manifest, put_fact, out);
	strbuf_adds(out, "}}\n");
	return ret;
}
