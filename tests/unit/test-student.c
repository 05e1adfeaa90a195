// SPDX-License-Identifier: MIT
/* Distributions, intervals, Holm: against mpmath and SciPy, closed forms, and by hand. */
#include <math.h>
#include <stdbool.h>

#include "base/rng.h"
#include "stats/beta.h"
#include "stats/holm.h"
#include "stats/normal.h"
#include "stats/paired.h"
#include "stats/power.h"
#include "stats/student.h"
#include "tests/unit/golden-stats.h"
#include "tests/unit/test.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

static void near(double x, double golden, double tolerance, const char *what, int row)
{
	ck_assert_msg(fabs(x - golden) <= tolerance, "%s, row %d: %.17g, not %.17g", what, row, x,
		      golden);
}

static void student_tail(void)
{
	for (int i = 0; i < COUNT(golden_t); i++) {
		double p = golden_t[i].upper, t = golden_t[i].t, df = golden_t[i].df;

		near(stats_t_upper(t, df), p, 1e-12 * p, "t", i);
		near(stats_t_upper(-t, df), 1 - p, 1e-15, "-t", i);
	}
	CHECK(stats_t_upper(0, 3) == 0.5);
	CHECK(stats_t_upper(INFINITY, 3) == 0 && stats_t_upper(-INFINITY, 3) == 1);
	CHECK(isnan(stats_t_upper(NAN, 3)));
}
TEST_REGISTER(student_tail);

static void student_quantile(void)
{
	for (int i = 0; i < COUNT(golden_t_quantile); i++) {
		double q = golden_t_quantile[i].q, df = golden_t_quantile[i].df;
		double t = golden_t_quantile[i].t;

		near(stats_t_quantile(q, df), -t, 1e-12 * t, "quantile", i);
		/* 1 - q has lost digits of q, which the tail feels. */
		near(stats_t_quantile(1 - q, df), t, 1e-12 * t + 2e-16 / q * t, "upper", i);
	}
	CHECK(stats_t_quantile(0.5, 4) == 0);
	CHECK(isinf(stats_t_quantile(0, 4)) && isinf(stats_t_quantile(1, 4)));
	CHECK(isnan(stats_t_quantile(1.5, 4)));
}
TEST_REGISTER(student_quantile);

/* df = 1 is Cauchy's distribution, df = 2 has a root for its quantile. */
static void student_closed_forms(void)
{
	for (double p = 0.51; p < 1; p += 0.02) {
		double t2 = (2 * p - 1) / sqrt(2 * p * (1 - p));

		near(stats_t_quantile(p, 1), tan(M_PI * (p - 0.5)), 1e-12 / (1 - p), "df 1", 0);
		near(stats_t_quantile(p, 2), t2, 1e-12 / (1 - p), "df 2", 0);
	}
	/* I_x(1, b) = 1 - (1 - x)^b; B(a, b) over both ends of Stirling's series. */
	for (double b = 0.5; b < 400; b *= 1.7) {
		near(stats_beta(1, b, 0.03, 0.97), -expm1(b * log(0.97)), 1e-14, "beta", 0);
		near(stats_log_beta(b + 1, 3.5), stats_log_beta(b, 3.5) + log(b / (b + 3.5)),
		     1e-13, "log beta", 0);
		near(stats_log_beta(b + 1, 12), stats_log_beta(b, 12) + log(b / (b + 12)),
		     1e-12, "log beta", 0);
	}
}
TEST_REGISTER(student_closed_forms);

static void student_noncentral(void)
{
	for (int i = 0; i < COUNT(golden_nct); i++)
		near(stats_nct_cdf(golden_nct[i].t, golden_nct[i].df, golden_nct[i].nc),
		     golden_nct[i].below, 1e-12, "noncentral t", i);
	near(stats_nct_cdf(1.3, 5, 0), 1 - stats_t_upper(1.3, 5), 1e-15, "central", 0);
	near(stats_nct_cdf(INFINITY, 5, 3), 1, 1e-13, "end", 0);
	near(stats_nct_cdf(0, 5, 3), stats_normal_upper(3), 1e-15, "middle", 0);
	CHECK(isnan(stats_nct_cdf(1, 5, 1e9)));
}
TEST_REGISTER(student_noncentral);

static void student_normal(void)
{
	for (int i = 0; i < COUNT(golden_normal); i++)
		near(stats_normal_quantile(golden_normal[i].p), golden_normal[i].z,
		     1e-14 * fmax(1, fabs(golden_normal[i].z)), "normal", i);
	CHECK(isinf(stats_normal_quantile(0)) && isnan(stats_normal_quantile(2)));
}
TEST_REGISTER(student_normal);

static void paired_scipy(void)
{
	struct stats_paired p = stats_paired(golden_d, COUNT(golden_d), 0.9);

	near(p.p, golden_paired[0], 1e-13, "p", 0);
	near(p.low, golden_paired[1], 1e-13, "low", 0);
	near(p.high, golden_paired[2], 1e-13, "high", 0);
	near(stats_paired_above(&p, 0.1), golden_paired[3], 1e-13, "above", 0);
	near(stats_paired_below(&p, 0.1), golden_paired[4], 1e-13, "below", 0);
	/* Two one-sided tests at 5 % are the 90 % interval. */
	near(stats_paired_equivalent(&p, p.high), 0.05, 1e-13, "equivalent", 0);
	CHECK(stats_paired_equivalent(&p, p.high * 1.01) < 0.05);
	CHECK(stats_paired_equivalent(&p, p.high * 0.99) > 0.05);
}
TEST_REGISTER(paired_scipy);

/* Pairing by units is what makes the interval narrow; the wrong partners make it wide. */
static void paired_planted(void)
{
	double a[8], b[8], d[8];
	struct rng r = rng_stream(1, "test", 0);

	for (int i = 0; i < 8; i++) {
		a[i] = 100 * rng_normal(&r, i);
		b[i] = a[i] - 1 + 0.1 * rng_normal(&r, 100 + i);
		d[i] = a[i] - b[i];
	}
	CHECK(stats_paired(d, 8, 0.95).low > 0.8 && stats_paired(d, 8, 0.95).high < 1.2);
	for (int i = 0; i < 8; i++)
		d[i] = a[i] - b[(i + 1) % 8];
	CHECK(stats_paired(d, 8, 0.95).low < 0);
}
TEST_REGISTER(paired_planted);

static void paired_edges(void)
{
	const double zero[4] = { 0 }, same[3] = { 0.1, 0.1, 0.1 }, one = 2;
	const double bad[3] = { 1, NAN, 2 }, endless[2] = { 1, INFINITY };
	struct stats_paired p = stats_paired(zero, 4, 0.95);

	CHECK(p.mean == 0 && p.sd == 0 && p.low == 0 && p.high == 0 && p.p == 1);
	CHECK(stats_paired_below(&p, 0.01) == 0 && stats_paired_above(&p, 0.01) == 1);
	CHECK(stats_paired_equivalent(&p, 0.01) == 0 && stats_paired_equivalent(&p, 0) == 1);
	p = stats_paired(same, 3, 0.95);
	CHECK(p.mean == 0.1 && p.low == 0.1 && p.high == 0.1 && p.sd == 0 && p.p == 0);
	CHECK(stats_paired_above(&p, 0.1) == 1 && stats_paired_below(&p, 0.1) == 1);
	p = stats_paired(&one, 1, 0.95);
	CHECK(p.mean == 2 && isnan(p.sd) && p.low == -INFINITY && p.high == INFINITY && p.p == 1);
	CHECK(stats_paired_above(&p, 0) == 1);
	p = stats_paired(bad, 3, 0.95);
	CHECK(isnan(p.mean) && isnan(p.low) && isnan(p.p) && isnan(stats_paired_above(&p, 0)));
	CHECK(isnan(stats_paired(endless, 2, 0.95).mean));
	p = stats_paired(NULL, 0, 0.95);
	CHECK(p.n == 0 && isnan(p.mean) && isnan(stats_paired_equivalent(&p, 1)));
}
TEST_REGISTER(paired_edges);

/* Holm as a closed test: the worst Bonferroni of all sets that a test belongs to. */
static double closed(const double *p, int m, int i)
{
	double worst = 0;

	for (int set = 1; set < 1 << m; set++) {
		double least = 1;
		int size = 0;

		if (!(set >> i & 1))
			continue;
		for (int k = 0; k < m; k++)
			if (set >> k & 1) {
				size++;
				least = fmin(least, isnan(p[k]) ? 1 : p[k]);
			}
		worst = fmax(worst, fmin(1, size * least));
	}
	return worst;
}

static void holm_closed(void)
{
	double p[6], adjusted[6];

	for (int trial = 0; trial < 200; trial++) {
		struct rng r = rng_stream(1, "holm", (uint64_t)trial);
		int m = 1 + trial % 6;

		for (int i = 0; i < m; i++) {
			p[i] = rng_below(&r, i, 8) / 16.0;	/* ties, and zeros */
			p[i] = rng_below(&r, 99 + i, 8) ? p[i] : NAN;
		}
		check_ok(stats_holm(p, m, adjusted));
		for (int i = 0; i < m; i++)
			if (isnan(p[i]))
				CHECK(isnan(adjusted[i]));
			else
				near(adjusted[i], closed(p, m, i), 1e-15, "holm", trial);
	}
	check_ok(stats_holm(p, 0, adjusted));
}
TEST_REGISTER(holm_closed);

static void power_formula(void)
{
	double t = stats_t_quantile(0.975, 4);

	near(stats_power(1.5, 0.5, 5, 1, 0.95), 1 - stats_nct_cdf(t, 4, sqrt(5)), 1e-15, "n 5", 0);
	/* At delta itself the rule errs in (1 - level) / 2. */
	near(stats_power(1, 0.5, 5, 1, 0.95), 0.025, 1e-12, "at delta", 0);
	for (int n = 2; n < 12; n++) {
		double gain = stats_power_gain(0.8, 0.3, n, 0.1, 0.95);

		near(stats_power(gain, 0.3, n, 0.1, 0.95), 0.8, 1e-10, "gain", n);
	}
	CHECK(stats_power_gain(0.01, 1, 5, 0.3, 0.95) < 0.3);
	CHECK(stats_power(0.2, 0, 5, 0.1, 0.95) == 1 && stats_power(0.1, 0, 5, 0.1, 0.95) == 0);
	CHECK(stats_power(9, 1, 1, 0, 0.95) == 0 && isinf(stats_power_gain(0.8, 1, 1, 0, 0.95)));
	CHECK(stats_power_gain(0.8, 0, 5, 0.1, 0.95) == 0.1);
	/* Two pairs among a thousand arms: no bound is better than a wrong one. */
	CHECK(isinf(stats_power_gain(0.8, 1, 2, 0, 1 - 0.05 / 1000)));
	CHECK(stats_power_gain(0.8, 0, 2, 0.1, 1 - 0.05 / 1000) == 0.1);
	CHECK(stats_power(1e9, 1e-9, 3, 0, 0.95) == 1);
}
TEST_REGISTER(power_formula);
