// SPDX-License-Identifier: MIT
/* core/stats against SciPy 1.17 and NumPy 2.4, and against what is known in closed form. */
#include <math.h>
#include <stdbool.h>

#include "base/thread.h"
#include "stats/bootstrap.h"
#include "stats/mcnemar.h"
#include "stats/mean.h"
#include "stats/quantile.h"
#include "stats/ratio.h"
#include "tests/unit/test.h"

#define N 9
#define DRAWS 20000

static const double x[N] = { 2.5, -1.25, 0.5, 7, 3, 3, -0.125, 11, 4.75 };
static const double y[N] = { 1.5, -2, 0.25, 5, 4, 3.5, 0, 12, 2.75 };

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-13 * fmax(fabs(a), fabs(b));
}

static bool is(struct stats_estimate e, double value, double error)
{
	return near(e.value, value) && near(e.error, error);
}

static void stats_means(void)
{
	const double one = 3, same[2] = { 1, 1 };

	CHECK(is(stats_mean(x, N), 3.375, 1.2699792211773475));
	CHECK(is(stats_mean_difference(x, y, N), 0.375, 0.384147685720537));
	CHECK(near(stats_correlation(x, y, N), 0.9584029396365079));
	CHECK(near(stats_correlation(x, x, N), 1));
	CHECK(isnan(stats_correlation(x, same, 2)));
	CHECK(is(stats_rms(x, N), 4.928833815191762, 1.3335951921890774));
	CHECK(stats_mean(&one, 1).value == 3 && isnan(stats_mean(&one, 1).error));
	CHECK(isnan(stats_mean(x, 0).value));
}
TEST_REGISTER(stats_means);

/* A large mean costs no digits of the error. */
static void stats_offset(void)
{
	double far[N];

	for (int i = 0; i < N; i++)
		far[i] = x[i] + 0x1p40;
	CHECK(stats_mean(far, N).error == stats_mean(x, N).error);
}
TEST_REGISTER(stats_offset);

static void stats_ratios(void)
{
	const double n[N] = { 3, 1, 4, 1, 5, 9, 2, 6, 5 }, m[N] = { 2, 7, 1, 8, 2, 8, 1, 8, 2 };
	double equal[N], halves[N];
	struct stats_estimate e;

	CHECK(is(stats_ratio(x, n, N), 0.84375, 0.3117476838423606));
	CHECK(is(stats_ratio_difference(x, n, y, m, N), 0.1514423076923077,
		 0.28057824729636344));
	for (int i = 0; i < N; i++) {
		equal[i] = 4;
		halves[i] = x[i] / 4;
	}
	e = stats_mean(halves, N);
	CHECK(is(stats_ratio(x, equal, N), e.value, e.error));
	e = stats_ratio_difference(x, n, x, n, N);
	CHECK(e.value == 0 && e.error == 0);
}
TEST_REGISTER(stats_ratios);

static void stats_quantiles(void)
{
	static const struct { double q, value; } rows[] = {
		{ 0, -1.25 }, { 0.001, -1.241 }, { 0.1, -0.35 }, { 0.25, 0.5 }, { 0.5, 3 },
		{ 0.77, 5.11 }, { 0.999, 10.968 }, { 1, 11 },
	};
	double sorted[N + 1];

	memcpy(sorted + 1, x, sizeof(x));
	sorted[0] = NAN;
	stats_sort(sorted, N + 1);
	CHECK(isnan(sorted[N]));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK(near(stats_quantile(sorted, N, rows[i].q), rows[i].value));
	CHECK(stats_quantile(sorted, 1, 0.5) == -1.25);
	CHECK(isnan(stats_quantile(sorted, 0, 0.5)));
}
TEST_REGISTER(stats_quantiles);

static void stats_mcnemar_exact(void)
{
	static const struct { int64_t b, c; double p; } rows[] = {
		{ 0, 0, 1 }, { 5, 5, 1 }, { 3, 4, 1 }, { 0, 1, 1 }, { 0, 2, 0.5 },
		{ 1, 9, 0.021484375 }, { 12, 30, 0.0079158973348967265 },
		{ 300, 370, 0.0076364578992932693 }, { 4000, 4400, 1.3353978213570538e-05 },
		{ 0, 40, 0x1p-39 }, { 10000, 9000, 4.194037144140571e-13 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double p = stats_mcnemar(rows[i].b, rows[i].c);

		/* lgamma() of 10^4 is 10^5: its last digit is worth 10^-11. */
		ck_assert_msg(fabs(p - rows[i].p) <= 1e-10 * rows[i].p, "%lld:%lld: %.17g, not %g",
			      (long long)rows[i].b, (long long)rows[i].c, p, rows[i].p);
		CHECK(p == stats_mcnemar(rows[i].c, rows[i].b));
	}
}
TEST_REGISTER(stats_mcnemar_exact);

static double mean(const double *sums, size_t units)
{
	return sums[0] / (double)units;
}

static double difference(const double *sums, size_t units)
{
	return (sums[0] - sums[1]) / (double)units;
}

/* SciPy: [1.1944, 5.8611] of 200,000 draws; here four standard errors of a quantile. */
static void stats_bootstrap_scipy(void)
{
	struct bootstrap b = { 1, DRAWS, 0.95 };
	struct stats_interval i;
	double density = exp(-1.96 * 1.96 / 2) / sqrt(2 * M_PI) / 1.1982;
	double tolerance = 4 * sqrt(0.025 * 0.975 / DRAWS) / density;

	check_ok(stats_bootstrap(x, N, 1, mean, &b, &i));
	CHECK(near(i.value, 3.375));
	CHECK(fabs(i.low - 1.1944) < tolerance && fabs(i.high - 5.8611) < tolerance);
	CHECK(i.below < 0.01);
}
TEST_REGISTER(stats_bootstrap_scipy);

/* Rows are drawn as rows: a shift that every unit has is certain, however noisy both are. */
static void stats_bootstrap_paired(void)
{
	struct bootstrap b = { 1, DRAWS, 0.99 };
	struct stats_interval i;
	double pairs[N][2];

	for (int k = 0; k < N; k++) {
		pairs[k][0] = x[k] + 0.5;
		pairs[k][1] = x[k];
	}
	check_ok(stats_bootstrap(pairs[0], N, 2, difference, &b, &i));
	CHECK(near(i.low, 0.5) && near(i.high, 0.5) && i.below == 0);
	for (int k = 0; k < N; k++)
		pairs[k][0] = x[k];
	check_ok(stats_bootstrap(pairs[0], N, 2, difference, &b, &i));
	CHECK(i.low == 0 && i.high == 0 && i.below == 0.5);
	check_fails(stats_bootstrap(x, 0, 1, mean, &b, &i), -EINVAL, "0 units");
}
TEST_REGISTER(stats_bootstrap_paired);

static void stats_bootstrap_repeats(void)
{
	struct bootstrap b = { 7, 1000, 0.9 };
	struct stats_interval one, two, other;

	check_ok(stats_bootstrap(x, N, 1, mean, &b, &one));
	check_ok(threads_start(3));
	check_ok(stats_bootstrap(x, N, 1, mean, &b, &two));
	threads_stop();
	CHECK(!memcmp(&one, &two, sizeof(one)));
	b.seed = 8;
	check_ok(stats_bootstrap(x, N, 1, mean, &b, &other));
	CHECK(other.low != one.low || other.high != one.high);
}
TEST_REGISTER(stats_bootstrap_repeats);
