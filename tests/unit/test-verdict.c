// SPDX-License-Identifier: MIT
/* The rules of verdicts, and how often they are wrong: 10,000 simulated tables of runs. */
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "stats/power.h"
#include "stats/verdict.h"
#include "tests/unit/test.h"

#define DELTA 0.5

/* ---- rules ------------------------------------------------------------------------- */

/* An interval as given, whatever differences would make it. */
static struct verdict rule(double low, double high)
{
	struct stats_paired p = { .n = 5, .mean = (low + high) / 2, .level = 0.95 };

	p.low = low;
	p.high = high;
	p.se = 1;
	return verdict_of(&p, DELTA);
}

static void verdict_rules(void)
{
	CHECK(rule(0.6, 0.9).word == VERDICT_SUPPORTED);
	CHECK(rule(-0.1, 0.4).word == VERDICT_NOT_SUPPORTED && rule(-0.1, 0.4).equivalent);
	CHECK(rule(-0.6, 0.4).word == VERDICT_NOT_SUPPORTED && !rule(-0.6, 0.4).equivalent);
	CHECK(!rule(-0.6, 0.4).reversed && rule(-0.9, -0.6).reversed);
	CHECK(rule(-0.9, -0.6).word == VERDICT_NOT_SUPPORTED && !rule(-0.9, -0.6).equivalent);
	CHECK(rule(0.4, 0.6).word == VERDICT_INCONCLUSIVE);
	/* Bounds that touch decide nothing. */
	CHECK(rule(0.5, 0.9).word == VERDICT_INCONCLUSIVE);
	CHECK(rule(0.1, 0.5).word == VERDICT_INCONCLUSIVE && !rule(0.1, 0.5).equivalent);
	CHECK(!rule(-0.5, 0.4).equivalent && !rule(-0.9, -0.5).reversed);
	CHECK(!strcmp(verdict_name(VERDICT_INCONCLUSIVE), "inconclusive at this budget"));
	CHECK(!strcmp(verdict_name(VERDICT_NOT_SUPPORTED), "not supported"));
}
TEST_REGISTER(verdict_rules);

static struct verdict of(const double *d, int n, double delta)
{
	struct stats_paired p = stats_paired(d, n, 0.95);

	return verdict_of(&p, delta);
}

static void verdict_edges(void)
{
	const double zero[5] = { 0 }, same[3] = { 1, 1, 1 }, bad[3] = { 9, NAN, 9 };
	struct verdict v = of(zero, 5, DELTA);

	CHECK(v.word == VERDICT_NOT_SUPPORTED && v.equivalent && !v.reversed && v.p == 0);
	/* Nothing is smaller than 0 or equivalent within (0, 0). */
	v = of(zero, 5, 0);
	CHECK(v.word == VERDICT_INCONCLUSIVE && !v.equivalent && v.p == 1);
	CHECK(of(same, 3, 0.5).word == VERDICT_SUPPORTED);
	CHECK(of(same, 3, 1).word == VERDICT_INCONCLUSIVE);
	v = of(bad, 3, DELTA);
	CHECK(v.word == VERDICT_NONE && !v.equivalent && !v.reversed && isnan(v.p));
	v = of(same, 1, DELTA);
	CHECK(v.word == VERDICT_INCONCLUSIVE && !v.equivalent && v.p == 1);
	CHECK(of(same, 0, DELTA).word == VERDICT_NONE);
}
TEST_REGISTER(verdict_edges);

static bool same_verdict(const struct verdict *a, const struct verdict *b)
{
	return a->word == b->word && a->equivalent == b->equivalent && a->reversed == b->reversed;
}

/* A family of one is a single contrast; more of them make nobody bolder. */
static void verdict_families(void)
{
	struct stats_paired gain[4];
	double d[4][5];
	int changed = 0;

	for (int trial = 0; trial < 500; trial++) {
		struct rng r = rng_stream(1, "family", (uint64_t)trial);
		struct verdict one, single, v[4];

		for (int a = 0; a < 4; a++) {
			for (int i = 0; i < 5; i++)
				d[a][i] = (a - 1.5) * rng_uniform(&r, 99) +
					  rng_normal(&r, 5 * a + i) / 3;
			gain[a] = stats_paired(d[a], 5, 0.95);
		}
		single = verdict_of(&gain[0], DELTA);
		check_ok(verdict_family(gain, 1, DELTA, &one));
		CHECK(same_verdict(&one, &single) && one.p == single.p);
		check_ok(verdict_family(gain, 4, DELTA, v));
		for (int a = 0; a < 4; a++) {
			single = verdict_of(&gain[a], DELTA);
			CHECK(v[a].p == single.p && v[a].p_adjusted >= v[a].p);
			CHECK(v[a].word == single.word || v[a].word == VERDICT_INCONCLUSIVE);
			CHECK(single.equivalent || !v[a].equivalent);
			CHECK(single.reversed || !v[a].reversed);
			CHECK(!(v[a].equivalent || v[a].reversed) ||
			      v[a].word == VERDICT_NOT_SUPPORTED);
			changed += v[a].word != single.word;
		}
	}
	CHECK(changed > 20);
}
TEST_REGISTER(verdict_families);

/* An arm that could not be measured still counts as one of the family. */
static void verdict_missing(void)
{
	const double d[5] = { 1.0, 1.3, 0.9, 1.2, 0.8 };
	struct stats_paired gain[3] = {
		stats_paired(d, 5, 0.95), stats_paired(NULL, 0, 0.95), stats_paired(NULL, 0, 0.95),
	};
	struct verdict v[3];

	check_ok(verdict_family(gain, 3, DELTA, v));
	CHECK(v[1].word == VERDICT_NONE && isnan(v[1].p_adjusted));
	CHECK(fabs(v[0].p_adjusted - 3 * v[0].p) < 1e-15);
	check_ok(verdict_family(NULL, 0, DELTA, NULL));
}
TEST_REGISTER(verdict_missing);

/* ---- simulation --------------------------------------------------------------------- */

#define ARMS 5		/* the baseline, and others */
#define SEEDS_MAX 8
#define SPREAD 0.4	/* of a gain between seeds */

static const int seeds[] = { 3, 5, 8 };

/* So many tables; KNLP_SIMULATION=1000000 asks for more, and for what was counted. */
static int tables(void)
{
	const char *text = getenv("KNLP_SIMULATION");

	return text ? atoi(text) : 10000;
}

__attribute__((format(printf, 1, 2)))
static void show(const char *format, ...)
{
	va_list ap;

	if (!getenv("KNLP_SIMULATION"))
		return;
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	fflush(stdout);
}

/*
 * A table of held-out losses: what a seed adds to all arms, what an arm adds, and noise.  Then
 * gains over arm 0 with mean @gain[a] and standard deviation SPREAD, from one table and
 * one baseline as in an experiment.
 */
static void simulate(uint64_t table, int n, int arms, const double *gain, struct stats_paired *p)
{
	struct rng r = rng_stream(1, "verdict/table", table * SEEDS_MAX + (uint64_t)n);
	double loss[ARMS][SEEDS_MAX], d[SEEDS_MAX];

	for (int a = 0; a < arms; a++)
		for (int i = 0; i < n; i++)
			loss[a][i] = 3 + rng_normal(&r, i) - (a ? gain[a - 1] : 0) +
				     SPREAD * M_SQRT1_2 * rng_normal(&r, (a + 1) * SEEDS_MAX + i);
	for (int a = 1; a < arms; a++) {
		for (int i = 0; i < n; i++)
			d[i] = loss[0][i] - loss[a][i];
		p[a - 1] = stats_paired(d, n, 0.95);
	}
}

/* struct counted - in how many of @tables. */
struct counted {
	int tables, supported, not_supported, held, family, mixed;
};

static void count_table(struct counted *c, int table, int n)
{
	static const double at_delta[] = { DELTA, DELTA, DELTA, DELTA };
	static const double mixed[] = { DELTA, 9, DELTA, -9 };
	struct stats_paired p[ARMS - 1];
	struct verdict v[ARMS - 1];
	bool wrong = false;

	simulate((uint64_t)table, n, ARMS, at_delta, p);
	v[0] = verdict_of(&p[0], DELTA);
	c->supported += v[0].word == VERDICT_SUPPORTED;
	c->not_supported += v[0].word == VERDICT_NOT_SUPPORTED;
	c->held += p[0].low <= DELTA && DELTA <= p[0].high;
	check_ok(verdict_family(p, ARMS - 1, DELTA, v));
	for (int a = 0; a < ARMS - 1; a++)
		wrong |= v[a].word != VERDICT_INCONCLUSIVE;
	c->family += wrong;
	simulate((uint64_t)table, n, ARMS, mixed, p);
	check_ok(verdict_family(p, ARMS - 1, DELTA, v));
	c->mixed += v[0].word != VERDICT_INCONCLUSIVE || v[2].word != VERDICT_INCONCLUSIVE;
	c->tables++;
}

/* At a true gain of exactly delta nothing may be said, in 95 % of all experiments. */
START_TEST(wrong_words)
{
	show("%-4s %-10s %-14s %-9s %-12s %s\n", "n", "supported", "not supported", "coverage",
	     "Holm, all 4", "Holm, 2 of 4");
	for (int s = 0; s < 3; s++) {
		struct counted c = { 0 };
		double all;

		for (int t = 0; t < tables(); t++)
			count_table(&c, t, seeds[s]);
		all = c.tables / 100.0;
		show("%-4d %6.2f %%   %6.2f %%       %6.2f %%  %6.2f %%     %6.2f %%\n", seeds[s],
		     c.supported / all, c.not_supported / all, c.held / all, c.family / all,
		     c.mixed / all);
		CHECK(c.supported / all >= 2.1 && c.supported / all <= 2.9);
		CHECK(c.not_supported / all >= 2.1 && c.not_supported / all <= 2.9);
		CHECK(c.held / all >= 94.5 && c.held / all <= 95.5);
		CHECK(c.family / all <= 5.5 && c.mixed / all <= 5.5);
	}
}
END_TEST

static int count_found(int n, double gain)
{
	int found = 0;

	for (int t = 0; t < tables(); t++) {
		struct stats_paired p;

		simulate((uint64_t)t, n, 2, &gain, &p);
		found += verdict_of(&p, DELTA).word == VERDICT_SUPPORTED;
	}
	return found;
}

/* Gains are found as often as the noncentral t distribution says: within 4 standard errors. */
START_TEST(gains_found)
{
	static const double powers[] = { 0.1, 0.5, 0.8, 0.95 };

	show("%-4s %-24s %-10s %s\n", "n", "(gain - delta) / sd", "power", "found");
	for (int s = 0; s < 3; s++)
		for (int k = 0; k < 4; k++) {
			double gain = stats_power_gain(powers[k], SPREAD, seeds[s], DELTA, 0.95);
			double power = stats_power(gain, SPREAD, seeds[s], DELTA, 0.95);
			double found = count_found(seeds[s], gain) / (double)tables();

			show("%-4d %-24.3f %-10.4f %.4f\n", seeds[s],
			     (gain - DELTA) / SPREAD, power, found);
			CHECK(fabs(power - powers[k]) < 1e-9);
			CHECK(fabs(found - power) <= 4 * sqrt(power * (1 - power) / tables()));
		}
}
END_TEST

static void add_simulation(TCase *tc)
{
	tcase_set_timeout(tc, TEST_SECONDS + tables() / 1000.0);
	tcase_add_test(tc, wrong_words);
	tcase_add_test(tc, gains_found);
}
TEST_REGISTER(verdict_simulation, add_simulation);
