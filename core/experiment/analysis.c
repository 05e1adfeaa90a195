// SPDX-License-Identifier: MIT
#include "experiment/analysis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "experiment/analysis-internal.h"
#include "stats/power.h"

/* ---- tables ------------------------------------------------------------------------- */

static int add_table(struct analysis *a, const struct experiment_metric *m, int at)
{
	struct analysis_table *t = &a->tables[a->nr_tables++];

	t->metric = m;
	t->at = at;
	return analysis_table_read(a->run, t);
}

static int read_tables(struct analysis *a)
{
	const struct experiment *e = a->plan;
	int end = e->nr_at - 1, ret;

	a->tables = calloc((size_t)(1 + e->nr_more) * (size_t)e->nr_at, sizeof(*a->tables));
	if (!a->tables)
		return fail_nomem(0, "an analysis");
	ret = add_table(a, &e->metric, end);
	for (int at = 0; at < end && !ret; at++)
		ret = add_table(a, &e->metric, at);
	for (int m = 0; m < e->nr_more; m++)
		for (int at = 0; at <= end && !ret; at++)
			ret = add_table(a, &e->more[m], at);
	return ret;
}

/* ---- verdicts ----------------------------------------------------------------------- */


/* What cannot be said while gains are missing, whatever those say that are there. */
static bool is_incomplete(struct analysis_contrast *c)
{
	if (!c->failed && !c->to_come)
		return false;
	c->verdict = (struct verdict){
		.word = c->failed ? VERDICT_NONE : VERDICT_UNFINISHED, .p = NAN, .p_adjusted = NAN,
	};
	return true;
}

/* @family: so many arms are tested together with this one */
static double found_gain(const struct analysis *a, const struct analysis_contrast *c, int family)
{
	if (c->gain.n < 2)
		return NAN;
	return stats_power_gain(ANALYSIS_POWER, c->gain.sd, a->plan->nr_seeds, a->plan->delta,
				1 - (1 - a->level) / family);
}

static void judge_primary(struct analysis *a)
{
	struct analysis_contrast *c;

	if (a->plan->primary < 0)
		return;
	c = &a->tables[0].arm[a->plan->primary].contrast;
	c->found = found_gain(a, c, 1);
	if (!is_incomplete(c))
		c->verdict = verdict_of(&c->gain, a->plan->delta);
}

/*
 * The family is all arms of the plan: those that are not measured yet count as if they
 * showed nothing.  What is said of the others stays when they come.
 */
static int judge_others(struct analysis *a)
{
	const struct experiment *e = a->plan;
	struct stats_paired *gain = calloc((size_t)e->nr_arms, sizeof(*gain));
	struct verdict *v = calloc((size_t)e->nr_arms, sizeof(*v));
	int *arm = calloc((size_t)e->nr_arms, sizeof(*arm)), m = 0, ret;

	if (!gain || !v || !arm) {
		ret = fail_nomem(0, "an analysis");
		goto out;
	}
	for (int i = 0; i < e->nr_arms; i++)
		if (e->arms[i].role == ARM_OTHER)
			arm[m++] = i;
	for (int k = 0; k < m; k++) {
		struct analysis_contrast *c = &a->tables[0].arm[arm[k]].contrast;

		c->found = found_gain(a, c, m);
		gain[k] = is_incomplete(c) ? stats_paired(NULL, 0, a->level) : c->gain;
	}
	ret = verdict_family(gain, m, e->delta, v);
	for (int k = 0; k < m && !ret; k++) {
		struct analysis_contrast *c = &a->tables[0].arm[arm[k]].contrast;

		if (!is_incomplete(c))
			c->verdict = v[k];
	}
out:
	free(gain);
	free(v);
	free(arm);
	return ret;
}

/* ---- what was expected --------------------------------------------------------------- */

static bool any_differs(const struct analysis *a, int arm)
{
	for (int s = 0; s < a->plan->nr_seeds; s++)
		if (fabs(a->tables[0].arm[arm].value[s].gain) > 0)
			return true;
	return false;
}

static enum analysis_control expected(const struct analysis *a, int arm)
{
	const struct analysis_contrast *c = &a->tables[0].arm[arm].contrast;
	enum arm_expect expect = a->plan->arms[arm].expect;

	if (expect == EXPECT_NOTHING)
		return CONTROL_NONE;
	if (expect == EXPECT_SAME)
		return c->same ? CONTROL_KEPT :
		       any_differs(a, arm) ? CONTROL_BROKEN : CONTROL_OPEN;
	if (c->failed || c->to_come || (c->gain.low <= 0 && c->gain.high >= 0))
		return CONTROL_OPEN;
	return (c->gain.mean > 0) == (expect == EXPECT_BETTER) ? CONTROL_KEPT : CONTROL_BROKEN;
}

static int check_controls(struct analysis *a)
{
	const struct experiment *e = a->plan;
	int ret = 0;

	a->expect = calloc((size_t)e->nr_arms, sizeof(*a->expect));
	a->over_control = calloc((size_t)e->nr_arms, sizeof(*a->over_control));
	if (!a->expect || !a->over_control)
		return fail_nomem(0, "an analysis");
	for (int i = 0; i < e->nr_arms && !ret; i++) {
		a->expect[i] = expected(a, i);
		a->over_control[i].gain = stats_paired(NULL, 0, a->level);
		a->over_control[i].found = NAN;
		if (e->arms[i].role == ARM_CONTROL && e->arms[i].expect != EXPECT_SAME &&
		    e->primary >= 0)
			ret = analysis_contrast(e, &a->tables[0], e->primary, i,
						&a->over_control[i]);
	}
	return ret;
}

const char *analysis_control_name(enum analysis_control c)
{
	static const char *const names[] = {
		[CONTROL_NONE] = "", [CONTROL_OPEN] = "open", [CONTROL_KEPT] = "as expected",
		[CONTROL_BROKEN] = "not as expected",
	};

	return names[c];
}

/* ---- the configurations --------------------------------------------------------------- */

static bool arms_differ(const struct experiment *e, int id)
{
	const char *base = config_text(e->arms[e->baseline].cfg, id);

	for (int i = 0; i < e->nr_arms; i++)
		if (strcmp(config_text(e->arms[i].cfg, id), base))
			return true;
	return false;
}

static int compare_configs(struct analysis *a)
{
	a->diff = calloc(PARAM_COUNT, sizeof(*a->diff));
	if (!a->diff)
		return fail_nomem(0, "an analysis");
	for (int id = 0; id < PARAM_COUNT; id++)
		if (!params[id].is_local && arms_differ(a->plan, id))
			a->diff[a->nr_diff++] = id;
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------ */

int analysis_make(const struct experiment_run *run, struct analysis **out)
{
	struct analysis *a = calloc(1, sizeof(*a));
	int ret;

	*out = NULL;
	if (!a)
		return fail_nomem(sizeof(*a), "an analysis");
	a->run = run;
	a->plan = run->plan;
	a->level = ANALYSIS_LEVEL;
	for (int i = 0; i < run->nr_cells; i++)
		a->state[run->cells[i].state]++;
	ret = read_tables(a);
	if (!ret) {
		judge_primary(a);
		ret = judge_others(a);
	}
	if (!ret)
		ret = check_controls(a);
	if (!ret)
		ret = compare_configs(a);
	if (!ret)
		ret = analysis_cost_read(a);
	if (!ret)
		ret = analysis_documents_read(a);
	if (ret)
		analysis_free(a);
	else
		*out = a;
	return ret;
}

void analysis_free(struct analysis *a)
{
	if (!a)
		return;
	for (int t = 0; t < a->nr_tables; t++)
		analysis_table_free(a->plan, &a->tables[t]);
	for (int i = 0; i < a->nr_documents; i++)
		free(a->documents[i].metric);
	free(a->documents);
	free(a->tables);
	free(a->expect);
	free(a->over_control);
	free(a->cost);
	free(a->diff);
	free(a);
}
