// SPDX-License-Identifier: MIT
/* Values of cells, and what they are compared with. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "experiment/analysis-internal.h"
#include "stats/mean.h"

static int refuse(struct analysis_value *v, const char *why)
{
	v->state = VALUE_FAILED;
	v->why = strdup(why);
	fail_clear();
	return v->why ? 0 : fail_nomem(strlen(why), "a text");
}

/* A cell counts at its end when it is done: one that fails while it is measured has failed. */
static int read_value(const struct experiment_run *run, const struct experiment_cell *cell,
		      const struct analysis_table *t, struct analysis_value *v)
{
	bool is_open = t->at == run->plan->nr_at - 1 && cell->state != CELL_DONE;
	int ret = is_open ? -ENODATA : cell_metric(run, cell, t->metric, t->at, &v->value);

	v->gain = NAN;
	if (!ret && isfinite(v->value))
		return 0;
	v->value = NAN;
	v->state = VALUE_TO_COME;
	if (ret == -ENOMEM)
		return ret;
	if (!ret)
		return refuse(v, "it is not finite");
	if (ret != -ENODATA)
		return refuse(v, fail_message());
	if (cell->state == CELL_FAILED)
		return refuse(v, cell->failure);
	return cell->state == CELL_DONE ? refuse(v, "it was not measured at this share") : 0;
}

static int summarize(const struct experiment *e, struct analysis_arm *a)
{
	double *x = calloc((size_t)e->nr_seeds, sizeof(*x));
	struct stats_estimate mean;

	if (!x)
		return fail_nomem(0, "an analysis");
	for (int s = 0; s < e->nr_seeds; s++)
		if (a->value[s].state == VALUE_OK)
			x[a->values++] = a->value[s].value;
	mean = stats_mean(x, (size_t)a->values);
	a->mean = mean.value;
	a->sd = mean.error * sqrt(a->values);
	free(x);
	return 0;
}

static int read_arm(const struct experiment_run *run, struct analysis_table *t, int arm)
{
	const struct experiment *e = run->plan;
	struct analysis_arm *a = &t->arm[arm];
	int ret = 0;

	a->value = calloc((size_t)e->nr_seeds, sizeof(*a->value));
	if (!a->value)
		return fail_nomem(0, "an analysis");
	for (int s = 0; s < e->nr_seeds && !ret; s++)
		ret = read_value(run, experiment_cell(run, arm, s), t, &a->value[s]);
	return ret ? ret : summarize(e, a);
}

/* Positive where @value is the better one. */
static double gain_of(const struct experiment_metric *m, double value, double base)
{
	return m->lower ? base - value : value - base;
}

/* What is the worse of two cells like? */
static enum value_state worse(enum value_state a, enum value_state b)
{
	return a > b ? a : b;
}

static bool all_equal(const double *x, int n)
{
	for (int i = 1; i < n; i++)
		if (x[i] != x[0])
			return false;
	return true;
}

int analysis_contrast(const struct experiment *e, const struct analysis_table *t, int arm,
		      int base, struct analysis_contrast *c)
{
	double *gain = calloc((size_t)e->nr_seeds, sizeof(*gain));
	int n = 0;

	*c = (struct analysis_contrast){ .same = true, .found = NAN };
	if (!gain)
		return fail_nomem(0, "an analysis");
	for (int s = 0; s < e->nr_seeds; s++) {
		const struct analysis_value *v = &t->arm[arm].value[s];
		const struct analysis_value *b = &t->arm[base].value[s];
		enum value_state state = worse(v->state, b->state);

		c->failed += state == VALUE_FAILED;
		c->to_come += state == VALUE_TO_COME;
		if (state == VALUE_OK)
			gain[n++] = gain_of(t->metric, v->value, b->value);
		c->same &= state == VALUE_OK && v->value == b->value;
	}
	c->one = n > 1 && gain[0] != 0 && all_equal(gain, n);
	c->gain = stats_paired(gain, n, ANALYSIS_LEVEL);
	c->verdict = (struct verdict){ .word = VERDICT_UNTESTED, .p = NAN, .p_adjusted = NAN };
	free(gain);
	return 0;
}

static int compare_arm(const struct experiment *e, struct analysis_table *t, int arm)
{
	struct analysis_arm *a = &t->arm[arm];
	const struct analysis_arm *base = &t->arm[e->baseline];

	if (arm == e->baseline) {
		a->contrast.gain = stats_paired(NULL, 0, ANALYSIS_LEVEL);
		a->contrast.verdict.p = a->contrast.verdict.p_adjusted = NAN;
		a->contrast.found = NAN;
		return 0;
	}
	for (int s = 0; s < e->nr_seeds; s++)
		a->value[s].gain = gain_of(t->metric, a->value[s].value, base->value[s].value);
	return analysis_contrast(e, t, arm, e->baseline, &a->contrast);
}

int analysis_table_read(const struct experiment_run *run, struct analysis_table *t)
{
	const struct experiment *e = run->plan;
	int ret = 0;

	t->arm = calloc((size_t)e->nr_arms, sizeof(*t->arm));
	if (!t->arm)
		return fail_nomem(0, "an analysis");
	for (int i = 0; i < e->nr_arms && !ret; i++)
		ret = read_arm(run, t, i);
	for (int i = 0; i < e->nr_arms && !ret; i++)
		ret = compare_arm(e, t, i);
	return ret;
}

void analysis_table_free(const struct experiment *e, struct analysis_table *t)
{
	for (int i = 0; t->arm && i < e->nr_arms; i++) {
		for (int s = 0; t->arm[i].value && s < e->nr_seeds; s++)
			free(t->arm[i].value[s].why);
		free(t->arm[i].value);
	}
	free(t->arm);
}
