// SPDX-License-Identifier: MIT
/* Verdicts in words. */
#include <math.h>

#include "experiment/analysis.h"

static const char *unit_blank(const struct experiment *e)
{
	return *e->metric.unit ? " " : "";
}

/* "gain +0.012 [0.008, 0.016] nats/token, n = 5" */
static void say_gain(const struct experiment *e, const struct stats_paired *p, struct strbuf *sb)
{
	strbuf_addf(sb, "gain %+.4g [%.4g, %.4g]%s%s, n = %d", p->mean, p->low, p->high,
		    unit_blank(e), e->metric.unit, p->n);
}

static void say_missing(const struct analysis *a, int arm, struct strbuf *sb)
{
	const struct analysis_table *t = &a->tables[0];
	const struct analysis_contrast *c = &t->arm[arm].contrast;
	const int base = a->plan->baseline, sides[] = { base, arm };

	if (c->failed)
		strbuf_addf(sb, "%d of %d seeds failed", c->failed, a->plan->nr_seeds);
	if (c->to_come)
		strbuf_addf(sb, "%s%d of %d seeds are still to come", c->failed ? ", " : "",
			    c->to_come, a->plan->nr_seeds);
	for (int s = 0; s < a->plan->nr_seeds; s++)
		for (int k = 0; k < 2; k++) {
			const struct analysis_value *v = &t->arm[sides[k]].value[s];

			if (v->state != VALUE_FAILED)
				continue;
			strbuf_addf(sb, "; %s, seed %lld: %s", a->plan->arms[sides[k]].name,
				    a->plan->seeds[s], v->why);
			return;
		}
}

static void say_verdict(const struct analysis *a, int arm, struct strbuf *sb)
{
	const struct analysis_contrast *c = &a->tables[0].arm[arm].contrast;
	const struct verdict *v = &c->verdict;

	strbuf_addf(sb, "%s%s%s: ", verdict_name(v->word), v->equivalent ? ", equivalent" : "",
		    v->reversed ? ", reversed" : "");
	if (v->word == VERDICT_UNFINISHED || v->word == VERDICT_NONE) {
		say_missing(a, arm, sb);
		return;
	}
	say_gain(a->plan, &c->gain, sb);
	if (a->plan->arms[arm].role == ARM_OTHER)
		strbuf_addf(sb, ", p = %.2g among all arms", v->p_adjusted);
	strbuf_addf(sb, "; the smallest worth claiming is %g", a->plan->delta);
}

/* An arm of which only something is expected, or nothing at all. */
static void say_control(const struct analysis *a, int arm, struct strbuf *sb)
{
	const struct analysis_contrast *c = &a->tables[0].arm[arm].contrast;
	const char *expected = analysis_control_name(a->expect[arm]);

	strbuf_addf(sb, "%s%s", expected, *expected ? ": " : "");
	if (c->same)
		strbuf_addf(sb, "exactly the same in all %d seeds", a->plan->nr_seeds);
	else if (c->failed || c->to_come)
		say_missing(a, arm, sb);
	else
		say_gain(a->plan, &c->gain, sb);
}

static void say_baseline(const struct analysis *a, struct strbuf *sb)
{
	const struct analysis_arm *base = &a->tables[0].arm[a->plan->baseline];

	strbuf_addf(sb, "the baseline, %s ", a->plan->metric.name);
	if (base->values)
		strbuf_addf(sb, "%.5g%s%s", base->mean, unit_blank(a->plan), a->plan->metric.unit);
	else
		strbuf_adds(sb, "not known yet");
	if (base->values > 1)
		strbuf_addf(sb, " (%.2g between seeds)", base->sd);
	strbuf_addf(sb, ", n = %d", base->values);
}

void analysis_say(const struct analysis *a, int arm, struct strbuf *sb)
{
	strbuf_addf(sb, "%s: ", a->plan->arms[arm].name);
	switch (a->plan->arms[arm].role) {
	case ARM_BASELINE:
		say_baseline(a, sb);
		break;
	case ARM_CONTROL:
		say_control(a, arm, sb);
		break;
	default:
		say_verdict(a, arm, sb);
	}
}

void analysis_say_power(const struct analysis *a, struct strbuf *sb)
{
	const struct experiment *e = a->plan;
	const struct analysis_contrast *c;

	if (e->primary < 0)
		return;
	c = &a->tables[0].arm[e->primary].contrast;
	if (!isfinite(c->found))
		return;
	strbuf_addf(sb, "With %d seeds and gains that vary by %.2g between seeds, a true gain of "
		    "%.3g%s%s is called supported in %.0f of 100 experiments.", e->nr_seeds,
		    c->gain.sd, c->found, unit_blank(e), e->metric.unit, 100 * ANALYSIS_POWER);
}
