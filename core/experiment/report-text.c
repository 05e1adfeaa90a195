// SPDX-License-Identifier: MIT
/*
 * What an experiment's report says first: verdict, pairs, arms, controls, course.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/build-info.h"
#include "base/fail.h"
#include "experiment/report-internal.h"

#define COLUMNS_MAX 2100	/* two for each arm that a plan may have */

/* "lrrr...": one column of kind @first, and @nr of kind @rest. */
static const char *columns(char text[COLUMNS_MAX], const char *first, int nr, char rest)
{
	int len = snprintf(text, COLUMNS_MAX, "%s", first);

	for (int i = 0; i < nr && len < COLUMNS_MAX - 1; i++)
		text[len++] = rest;
	text[len] = '\0';
	return text;
}

static const struct analysis_contrast *contrast_of(const struct xreport *r, int arm)
{
	return &r->a->tables[0].arm[arm].contrast;
}

/* ---- the top -------------------------------------------------------------------------- */

static void warn_of_plan(const struct xreport *r, struct doc *d)
{
	if (r->run->plan_state == PLAN_ALTERED)
		doc_text(d, "warn", "The run's own copy of the plan was altered after the run "
			 "began (%s). What follows proves nothing.", r->run->edited);
	else if (r->run->plan_state == PLAN_EDITED)
		doc_text(d, "warn", "The plan was edited after the run began: %s in %s. This is a "
			 "report of the plan as it was then; the edited one is another experiment, "
			 "and needs a run of its own.", r->run->edited, r->run->source);
}

/* The first one says what differs. */
static void warn_of_configs(const struct xreport *r, struct doc *d)
{
	const char *first = NULL;
	int nr = 0;

	for (int i = 0; i < r->run->nr_cells; i++)
		if (r->config[i]) {
			first = first ? first : r->config[i];
			nr++;
		}
	if (nr)
		doc_text(d, "warn", "%d of %d cells are not known to have the configuration of "
			 "their arm and seed. What follows proves nothing unless there is a good "
			 "reason: %s%s", nr, r->run->nr_cells, first,
			 nr > 1 ? "; ..." : "");
}

static void warn_of_replicates(const struct xreport *r, struct doc *d)
{
	const struct experiment *plan = r->run->plan;

	for (int arm = 0; arm < plan->nr_arms; arm++)
		if (contrast_of(r, arm)->one)
			doc_text(d, "warn", "%s has exactly the same gain with all %d seeds: they "
				 "made no difference, and are one replicate. Its interval, p and "
				 "verdict say nothing of chance.", plan->arms[arm].name,
				 contrast_of(r, arm)->gain.n);
}

static void warn_of_controls(const struct xreport *r, struct doc *d)
{
	const struct experiment *plan = r->run->plan;

	for (int arm = 0; arm < plan->nr_arms; arm++)
		if (r->a->expect[arm] == CONTROL_BROKEN)
			doc_text(d, "warn", "%s is expected to be %s, and is not.",
				 plan->arms[arm].name, arm_expect_name(plan->arms[arm].expect));
}

static void warn_of_state(const struct xreport *r, struct doc *d)
{
	const int *state = r->a->state;
	struct strbuf sb;

	if (state[CELL_DONE] == r->run->nr_cells)
		return;
	strbuf_init(&sb);
	for (int s = 0; s < CELL_DONE; s++)
		if (state[s])
			strbuf_addf(&sb, ", %d %s", state[s], cell_state_name(s));
	doc_text(d, "warn", "Not finished: %d of %d cells are done%s.%s", state[CELL_DONE],
		 r->run->nr_cells, sb.s, r->run->active ? " The run is under way." : "");
	d->out->failed |= sb.failed;
	strbuf_free(&sb);
}

static void say_verdict(const struct xreport *r, struct doc *d)
{
	const struct experiment *plan = r->run->plan;
	struct strbuf sb;

	strbuf_init(&sb);
	if (plan->primary >= 0)
		analysis_say(r->a, plan->primary, &sb);
	else
		strbuf_adds(&sb, "The plan has no primary arm: nothing was claimed.");
	doc_text(d, "verdict", "%s%s", sb.s, sb.len && sb.s[sb.len - 1] == '.' ? "" : ".");
	strbuf_clear(&sb);
	doc_text(d, "hypothesis", "Hypothesis: %s", plan->hypothesis);
	analysis_say_power(r->a, &sb);
	if (sb.len)
		doc_text(d, "dim", "%s%s", sb.s, sb.s[sb.len - 1] == '.' ? "" : ".");
	d->out->failed |= sb.failed;
	strbuf_free(&sb);
}

static void add_tiles(const struct xreport *r, struct doc *d)
{
	const struct experiment *plan = r->run->plan;
	const struct analysis_contrast *c = contrast_of(r, plan->primary);
	const struct experiment_metric *m = &plan->metric;
	char text[XREPORT_TEXT];

	doc_tiles(d);
	doc_tile(d, "Verdict", verdict_name(c->verdict.word), c->verdict.reversed ? "reversed" :
		 c->verdict.equivalent ? "equivalent" : c->gain.n ? "" : "no pair yet");
	doc_tile(d, "Gain", xreport_number(r, m, c->gain.mean, true, text), m->unit);
	snprintf(text, sizeof(text), "%g %% interval", 100 * r->a->level);
	doc_tile(d, text, xreport_interval(r, m, &c->gain, (char[XREPORT_TEXT]){ 0 }), m->unit);
	snprintf(text, sizeof(text), "%.6g", plan->delta);
	doc_tile(d, "Delta, worth claiming", text, m->unit);
	snprintf(text, sizeof(text), "%d of %d", c->gain.n, plan->nr_seeds);
	doc_tile(d, "Pairs", text, "seeds");
	snprintf(text, sizeof(text), "%.3g", c->verdict.p);
	if (c->verdict.word == VERDICT_SUPPORTED || c->verdict.word == VERDICT_NOT_SUPPORTED)
		doc_tile(d, "p against delta", text, "of a gain on its other side");
	doc_tiles_end(d);
}

/* ---- pairs ---------------------------------------------------------------------------- */

static void value_cell(const struct xreport *r, struct doc *d, const struct analysis_value *v)
{
	char text[XREPORT_TEXT];

	if (v->state == VALUE_OK)
		doc_cell(d, "%s", xreport_number(r, &r->run->plan->metric, v->value, false, text));
	else
		doc_cell(d, v->state == VALUE_FAILED ? "failed" : "-");
}

static void add_values(const struct xreport *r, struct doc *d)
{
	const struct experiment *plan = r->run->plan;
	char text[COLUMNS_MAX];

	doc_table(d, columns(text, "l", plan->nr_arms, 'r'));
	doc_cell(d, "Seed");
	for (int arm = 0; arm < plan->nr_arms; arm++)
		doc_cell(d, "%s", plan->arms[arm].name);
	for (int seed = 0; seed < plan->nr_seeds; seed++) {
		doc_cell(d, "%lld", plan->seeds[seed]);
		for (int arm = 0; arm < plan->nr_arms; arm++)
			value_cell(r, d, &r->a->tables[0].arm[arm].value[seed]);
	}
	doc_cell_strong(d, "mean");
	for (int arm = 0; arm < plan->nr_arms; arm++)
		doc_cell_strong(d, "%s", xreport_number(r, &plan->metric,
			r->a->tables[0].arm[arm].mean, false, (char[XREPORT_TEXT]){ 0 }));
	doc_table_end(d);
}

static void add_gains(const struct xreport *r, struct doc *d)
{
	const struct experiment *plan = r->run->plan;
	char text[COLUMNS_MAX], number[XREPORT_TEXT];

	doc_table(d, columns(text, "l", plan->nr_arms - 1, 'r'));
	doc_cell(d, "Seed");
	for (int arm = 0; arm < plan->nr_arms; arm++)
		if (arm != plan->baseline)
			doc_cell(d, "%s", plan->arms[arm].name);
	for (int seed = 0; seed < plan->nr_seeds; seed++) {
		doc_cell(d, "%lld", plan->seeds[seed]);
		for (int arm = 0; arm < plan->nr_arms; arm++)
			if (arm != plan->baseline)
				doc_cell(d, "%s", xreport_number(r, &plan->metric,
					 r->a->tables[0].arm[arm].value[seed].gain, true, number));
	}
	doc_cell_strong(d, "mean");
	for (int arm = 0; arm < plan->nr_arms; arm++)
		if (arm != plan->baseline)
			doc_cell_strong(d, "%s", xreport_number(r, &plan->metric,
					contrast_of(r, arm)->gain.mean, true, number));
	doc_table_end(d);
}

static void add_pairs(const struct xreport *r, struct doc *d)
{
	const struct experiment *plan = r->run->plan;
	const struct experiment_metric *m = &plan->metric;
	const char *base = plan->arms[plan->baseline].name;
	char unit[XREPORT_TEXT];

	doc_heading(d, 2, "Pairs");
	if (doc_page(d) && !d->failed)
		d->failed = xreport_figures(r, doc_page(d));
	doc_heading(d, 3, "Values");
	doc_text(d, "dim", "%s,%s, of each arm and seed; %s is better.", m->name,
		 *m->unit ? xreport_unit(r, unit) : " no unit", m->lower ? "lower" : "higher");
	add_values(r, d);
	if (plan->nr_arms < 2)
		return;
	doc_heading(d, 3, "Gains");
	doc_text(d, "dim", "%s with the same seed; positive where the arm is better.", m->lower ?
		 "Value of the baseline less that of the arm" :
		 "Value of the arm less that of the baseline");
	add_gains(r, d);
	doc_text(d, "dim", "The baseline is %s.", base);
}

/* ---- arms ------------------------------------------------------------------------------ */

static void add_arm_head(struct doc *d, bool verdicts)
{
	doc_table(d, verdicts ? "llrrrrlrrl" : "llrrrrl");
	doc_cell(d, "Arm");
	doc_cell(d, "Role");
	doc_cell(d, "n");
	doc_cell(d, "Mean");
	doc_cell(d, "SD");
	doc_cell(d, "Gain");
	doc_cell(d, "Interval");
	if (!verdicts)
		return;
	doc_cell(d, "p");
	doc_cell(d, "p, adjusted");
	doc_cell(d, "Verdict");
}

static void add_verdict_cells(struct doc *d, const struct verdict *v, bool claimed)
{
	doc_number(d, 3, claimed ? v->p : NAN);
	doc_number(d, 3, claimed ? v->p_adjusted : NAN);
	if (!claimed)
		doc_cell(d, "-");
	else
		doc_cell(d, "%s%s%s", verdict_name(v->word), v->reversed ? ", reversed" : "",
			 v->equivalent ? ", equivalent" : "");
}

static void add_arm_row(const struct xreport *r, struct doc *d, const struct analysis_table *t,
			int arm, bool verdicts)
{
	const struct experiment *plan = r->run->plan;
	const struct analysis_arm *a = &t->arm[arm];
	enum arm_role role = plan->arms[arm].role;
	char text[XREPORT_TEXT];

	if (arm == plan->primary)
		doc_cell_strong(d, "%s", plan->arms[arm].name);
	else
		doc_cell(d, "%s", plan->arms[arm].name);
	doc_cell(d, "%s", arm_role_name(role));
	doc_cell(d, "%d", arm == plan->baseline ? a->values : a->contrast.gain.n);
	doc_cell(d, "%s", xreport_number(r, t->metric, a->mean, false, text));
	doc_cell(d, "%s", xreport_number(r, t->metric, a->sd, false, text));
	if (arm == plan->baseline) {
		doc_cell(d, "-");
		doc_cell(d, "-");
	} else {
		doc_cell(d, "%s", xreport_number(r, t->metric, a->contrast.gain.mean, true, text));
		doc_cell(d, "%s", xreport_interval(r, t->metric, &a->contrast.gain, text));
	}
	if (verdicts)
		add_verdict_cells(d, &a->contrast.verdict,
				  role == ARM_PRIMARY || role == ARM_OTHER);
}

static void add_arm_table(const struct xreport *r, struct doc *d, const struct analysis_table *t)
{
	bool verdicts = t == &r->a->tables[0];

	add_arm_head(d, verdicts);
	for (int arm = 0; arm < r->run->plan->nr_arms; arm++)
		add_arm_row(r, d, t, arm, verdicts);
	doc_table_end(d);
}

static void add_arms(const struct xreport *r, struct doc *d)
{
	const struct experiment *plan = r->run->plan;
	int others = 0;

	doc_heading(d, 2, "Arms");
	add_arm_table(r, d, &r->a->tables[0]);
	for (int arm = 0; arm < plan->nr_arms; arm++)
		others += plan->arms[arm].role == ARM_OTHER;
	doc_text(d, "dim", "Gains over %s by seed, with paired t intervals at %g %%. %s%s",
		 plan->arms[plan->baseline].name, 100 * r->a->level,
		 others ? "The arms beside the primary one are one family: their p are adjusted "
		 "(Holm), and so are their verdicts. " : "", "Controls get no verdict.");
	doc_table(d, "ll");
	doc_cell(d, "Arm");
	doc_cell(d, "What it is");
	for (int arm = 0; arm < plan->nr_arms; arm++) {
		doc_cell(d, "%s", plan->arms[arm].name);
		doc_cell(d, "%s", plan->arms[arm].what);
	}
	doc_table_end(d);
}

/* ---- controls --------------------------------------------------------------------------- */

static void outcome_cell(const struct xreport *r, struct doc *d, int arm)
{
	const char *name = analysis_control_name(r->a->expect[arm]);

	if (r->a->expect[arm] == CONTROL_BROKEN)
		doc_cell_strong(d, "%s", name);
	else
		doc_cell(d, "%s", *name ? name : "-");
}

static void add_control_row(const struct xreport *r, struct doc *d, int arm)
{
	const struct experiment_arm *a = &r->run->plan->arms[arm];
	const struct experiment_metric *m = &r->run->plan->metric;
	const struct analysis_contrast *c = contrast_of(r, arm);
	const struct stats_paired *over = &r->a->over_control[arm].gain;
	char text[XREPORT_TEXT];

	doc_cell(d, "%s", a->name);
	doc_cell(d, "%s", arm_role_name(a->role));
	doc_cell(d, "%s", a->expect == EXPECT_NOTHING ? "-" : arm_expect_name(a->expect));
	outcome_cell(r, d, arm);
	if (c->same)
		doc_cell(d, "exactly 0 for all %d seeds", c->gain.n);
	else
		doc_cell(d, "%s %s", xreport_number(r, m, c->gain.mean, true, text),
			 xreport_interval(r, m, &c->gain, (char[XREPORT_TEXT]){ 0 }));
	if (over->n)
		doc_cell(d, "%s %s", xreport_number(r, m, over->mean, true, text),
			 xreport_interval(r, m, over, (char[XREPORT_TEXT]){ 0 }));
	else
		doc_cell(d, "-");
}

static bool is_control(const struct experiment *plan, int arm)
{
	return plan->arms[arm].role == ARM_CONTROL || plan->arms[arm].expect != EXPECT_NOTHING;
}

static void add_controls(const struct xreport *r, struct doc *d)
{
	const struct experiment *plan = r->run->plan;
	int nr = 0;

	doc_heading(d, 2, "Controls and expectations");
	for (int arm = 0; arm < plan->nr_arms; arm++)
		nr += is_control(plan, arm);
	if (!nr) {
		doc_text(d, NULL, "The plan has no controls, and expects nothing of its arms.");
		return;
	}
	doc_table(d, "llllll");
	doc_cell(d, "Arm");
	doc_cell(d, "Role");
	doc_cell(d, "Expected");
	doc_cell(d, "Outcome");
	doc_cell(d, "Gain over %s", plan->arms[plan->baseline].name);
	if (plan->primary >= 0)
		doc_cell(d, "Gain of %s over it", plan->arms[plan->primary].name);
	else
		doc_cell(d, "Gain of the primary arm over it");
	for (int arm = 0; arm < plan->nr_arms; arm++)
		if (is_control(plan, arm))
			add_control_row(r, d, arm);
	doc_table_end(d);
	doc_text(d, "dim", "All arms of which the plan expects something, whatever their role. "
		 "Open: the interval holds 0, or cells are missing, so that nothing is known yet.");
}

/* ---- the course, and other metrics ------------------------------------------------------ */

#define TABLES_MAX 4	/* of other metrics; more are easier to read in one */

/* A metric at a share of the training, all arms in one row. */
static void add_metric_row(const struct xreport *r, struct doc *d, const struct analysis_table *t)
{
	const struct experiment *plan = r->run->plan;
	char text[XREPORT_TEXT], more[XREPORT_TEXT];

	doc_cell(d, "%s", t->metric->name);
	doc_cell(d, "%g %%", 100 * plan->at[t->at]);
	for (int arm = 0; arm < plan->nr_arms; arm++) {
		const struct analysis_arm *a = &t->arm[arm];
		const struct stats_paired *gain = &a->contrast.gain;

		doc_cell(d, "%s (%s)", xreport_number(r, t->metric, a->mean, false, text),
			 xreport_number(r, t->metric, a->sd, false, more));
		if (arm != plan->baseline)
			doc_cell(d, "%s %s", xreport_number(r, t->metric, gain->mean, true, text),
				 xreport_interval(r, t->metric, gain, more));
	}
}

static void add_metric_head(const struct xreport *r, struct doc *d, char text[COLUMNS_MAX])
{
	const struct experiment *plan = r->run->plan;

	doc_table(d, columns(text, "lr", 2 * plan->nr_arms - 1, 'r'));
	doc_cell(d, "Metric");
	doc_cell(d, "At");
	for (int arm = 0; arm < plan->nr_arms; arm++) {
		doc_cell(d, "%s (SD)", plan->arms[arm].name);
		if (arm != plan->baseline)
			doc_cell(d, "gain");
	}
}

static void add_course(const struct xreport *r, struct doc *d)
{
	const struct experiment *plan = r->run->plan;
	char text[COLUMNS_MAX];

	if (plan->nr_at < 2)
		return;
	doc_heading(d, 2, "Over the training");
	if (doc_page(d) && !d->failed)
		d->failed = xreport_course(r, doc_page(d));
	doc_fold(d, "these numbers, with gains and their intervals");
	add_metric_head(r, d, text);
	/* The first table is that of the end. */
	for (int t = 1; t < r->a->nr_tables; t++)
		if (r->a->tables[t].metric == &plan->metric)
			add_metric_row(r, d, &r->a->tables[t]);
	add_metric_row(r, d, &r->a->tables[0]);
	for (int t = 1; t < r->a->nr_tables; t++)
		if (r->a->tables[t].metric != &plan->metric)
			add_metric_row(r, d, &r->a->tables[t]);
	doc_table_end(d);
	doc_fold_end(d);
}

static void add_other_table(const struct xreport *r, struct doc *d,
			    const struct analysis_table *table)
{
	const struct experiment_metric *m = table->metric;
	struct strbuf title;

	strbuf_init(&title);
	strbuf_addf(&title, "%s%s%s%s, %s is better", m->name, *m->unit ? " (" : "", m->unit,
		    *m->unit ? ")" : "", m->lower ? "lower" : "higher");
	doc_heading(d, 3, title.s);
	d->out->failed |= title.failed;
	strbuf_free(&title);
	add_arm_table(r, d, table);
}

static void add_more(const struct xreport *r, struct doc *d)
{
	const struct experiment *plan = r->run->plan;
	bool one_table = plan->nr_more > TABLES_MAX || plan->nr_arms == 1;
	char text[COLUMNS_MAX];

	if (!plan->nr_more)
		return;
	doc_heading(d, 2, "Other metrics, at the end");
	doc_text(d, "dim", "Without verdicts: the plan claims nothing of them, and intervals of "
		 "many metrics, each at %g %%, miss some of the time.", 100 * r->a->level);
	if (one_table)
		add_metric_head(r, d, text);
	for (int t = 1; t < r->a->nr_tables; t++) {
		const struct analysis_table *table = &r->a->tables[t];

		if (table->metric == &plan->metric || table->at != plan->nr_at - 1)
			continue;
		if (one_table)
			add_metric_row(r, d, table);
		else
			add_other_table(r, d, table);
	}
	if (one_table)
		doc_table_end(d);
}

/* ---- all of it -------------------------------------------------------------------------- */

int xreport_document(const struct xreport *r, enum doc_kind kind, struct strbuf *out)
{
	const struct experiment *plan = r->run->plan;
	struct strbuf text;
	struct doc d;
	int ret;

	strbuf_init(&text);
	strbuf_addf(&text, "%s - knlp report", plan->name);
	doc_begin(&d, kind, out, text.s);
	doc_heading(&d, 1, plan->name);
	warn_of_plan(r, &d);
	warn_of_configs(r, &d);
	say_verdict(r, &d);
	warn_of_state(r, &d);
	warn_of_controls(r, &d);
	warn_of_replicates(r, &d);
	if (plan->primary >= 0)
		add_tiles(r, &d);
	add_pairs(r, &d);
	add_arms(r, &d);
	add_controls(r, &d);
	if (doc_page(&d) && !plan->model) {
		doc_heading(&d, 2, "Curves");
		if (!d.failed)
			d.failed = xreport_curves(r, out);
	}
	add_course(r, &d);
	add_more(r, &d);
	ret = xreport_back(r, &d);
	strbuf_clear(&text);
	strbuf_addf(&text, "Written by knlp %s from the folder of the run.", knlp_version());
	if (doc_end(&d, text.s) && !ret)
		ret = d.failed ? d.failed : -ENOMEM;
	strbuf_free(&text);
	return ret;
}
