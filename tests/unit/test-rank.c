// SPDX-License-Identifier: MIT
/* Ranks and their correlation: against SciPy, counting by pairs, and known limits. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/rng.h"
#include "base/thread.h"
#include "stats/correlation.h"
#include "stats/mean.h"
#include "stats/rank.h"
#include "tests/unit/golden-stats.h"
#include "tests/unit/test.h"

#define N 40
#define MANY 300000

static bool near(double a, double b, double tolerance)
{
	return fabs(a - b) <= tolerance;
}

static void rank_scipy(void)
{
	double rho;

	check_ok(stats_spearman(golden_a, golden_b, N, &rho));
	CHECK(near(rho, golden_rho, 1e-14));
	check_ok(stats_spearman(golden_a, golden_a, N, &rho));
	CHECK(near(rho, 1, 1e-15) && rho <= 1);
}
TEST_REGISTER(rank_scipy);

/* A rank is one more than the number of smaller elements, and half of the equal ones. */
static void rank_by_pairs(void)
{
	static const float x[] = {
		0, 3, -INFINITY, -0.0f, 1e-45f, -1e-45f, INFINITY, 3, -7, 3, 1e30f, -1e30f, 0,
	};
	enum { n = sizeof(x) / sizeof(x[0]) };
	uint32_t order[n], twice[n];

	check_ok(stats_order(x, n, order));
	stats_ranks(x, order, n, twice);
	for (int i = 0; i < n; i++) {
		uint32_t expected = 1;

		for (int k = 0; k < n; k++)
			expected += x[k] < x[i] ? 2 : x[k] == x[i];
		CHECK(twice[i] == expected);
	}
	for (int i = 1; i < n; i++)	/* stable, so 0 and -0 stay as they were */
		CHECK(x[order[i - 1]] < x[order[i]] ||
		      (x[order[i - 1]] == x[order[i]] && order[i - 1] < order[i]));
}
TEST_REGISTER(rank_by_pairs);

static void rank_refuses(void)
{
	const float bad[3] = { 1, 2, NAN }, flat[3] = { 1, 1, 1 }, up[3] = { 1, 2, 3 };
	double rho;

	check_fails(stats_spearman(up, bad, 3, &rho), -EDOM, "element 2 is NaN");
	check_ok(stats_spearman(up, flat, 3, &rho));
	CHECK(isnan(rho));
	check_ok(stats_spearman(up, up, 1, &rho));
	CHECK(isnan(rho));
	check_ok(stats_spearman(up, up, 0, &rho));
	CHECK(isnan(rho));
}
TEST_REGISTER(rank_refuses);

/* struct pair - two normal series with Pearson's correlation r. */
struct pair {
	float *a, *b;
	uint32_t *order, *ra, *rb;
};

static struct pair pair_new(double r, int n, uint64_t seed)
{
	struct pair p = {
		calloc(n, sizeof(float)), calloc(n, sizeof(float)), calloc(n, sizeof(uint32_t)),
		calloc(n, sizeof(uint32_t)), calloc(n, sizeof(uint32_t)),
	};
	struct rng s = rng_stream(seed, "pair", 0);

	CHECK(p.a && p.b && p.order && p.ra && p.rb);
	for (int i = 0; i < n; i++) {
		p.a[i] = rng_normal(&s, 2 * i);
		p.b[i] = r * p.a[i] + sqrt(1 - r * r) * rng_normal(&s, 2 * i + 1);
	}
	check_ok(stats_order(p.a, n, p.order));
	stats_ranks(p.a, p.order, n, p.ra);
	check_ok(stats_order(p.b, n, p.order));
	stats_ranks(p.b, p.order, n, p.rb);
	return p;
}

static void pair_free(struct pair *p)
{
	free(p->a);
	free(p->b);
	free(p->order);
	free(p->ra);
	free(p->rb);
}

/* Of normal series rho is 6 / pi asin(r / 2). */
static void rank_normal(void)
{
	struct pair p = pair_new(0.6, MANY, 1);
	double rho = stats_rank_correlation(p.ra, p.rb, MANY), low, high;

	CHECK(near(rho, 6 / M_PI * asin(0.3), 4 / sqrt(MANY)));
	stats_rho_interval(rho, MANY, 0.9999, &low, &high);
	CHECK(low < 6 / M_PI * asin(0.3) && high > 6 / M_PI * asin(0.3));
	CHECK(high - low < 0.02);
	pair_free(&p);
}
TEST_REGISTER(rank_normal);

/* 95 % intervals hold the truth in about 95 %: within 4 standard errors, and 1 % of theory. */
static void rank_coverage(void)
{
	const double truth = 6 / M_PI * asin(0.25);
	enum { trials = 4000, n = 30 };
	int held = 0;

	for (int t = 0; t < trials; t++) {
		struct pair p = pair_new(0.5, n, (uint64_t)t);
		double low, high;

		stats_rho_interval(stats_rank_correlation(p.ra, p.rb, n), n, 0.95, &low, &high);
		held += low < truth && truth < high;
		pair_free(&p);
	}
	ck_assert_msg(fabs(held / (double)trials - 0.95) < 4 * sqrt(0.95 * 0.05 / trials) + 0.01,
		      "%d of %d", held, trials);
}
TEST_REGISTER(rank_coverage);

static void rank_interval_edges(void)
{
	double low, high;

	/* By hand: tanh(atanh(0.5) -+ 1.959964 sqrt(1.125 / 25)) */
	stats_rho_interval(0.5, 28, 0.95, &low, &high);
	CHECK(near(low, tanh(0.5493061443340548 - 1.959963984540054 * sqrt(1.125 / 25)), 1e-14));
	CHECK(near(high, tanh(0.5493061443340548 + 1.959963984540054 * sqrt(1.125 / 25)), 1e-14));
	stats_rho_interval(1, 100, 0.95, &low, &high);
	CHECK(low == 1 && high == 1);
	stats_rho_interval(0.3, 3, 0.95, &low, &high);
	CHECK(low == -1 && high == 1);
}
TEST_REGISTER(rank_interval_edges);

/* Two noisy measurements of one thing correlate less than the thing with itself. */
static void rank_disattenuation(void)
{
	struct rng s = rng_stream(9, "noise", 0);
	enum { n = 20000 };
	static double x[4][n];	/* two halves of each of two series */
	double whole[2][n], r, reliability[2];

	for (int i = 0; i < n; i++)
		for (int k = 0; k < 4; k++)
			x[k][i] = rng_normal(&s, 5 * i) + rng_normal(&s, 5 * i + 1 + k);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < 2; k++)
			whole[k][i] = x[2 * k][i] + x[2 * k + 1][i];
	r = stats_correlation(whole[0], whole[1], n);
	for (int k = 0; k < 2; k++)
		reliability[k] = stats_spearman_brown(
			stats_correlation(x[2 * k], x[2 * k + 1], n));
	CHECK(near(r, 2.0 / 3, 0.03));	/* signal 4, noise 2 */
	CHECK(near(reliability[0], 2.0 / 3, 0.03));
	CHECK(near(stats_disattenuate(r, reliability[0], reliability[1]), 1, 0.03));
	CHECK(isnan(stats_disattenuate(0.5, -0.1, 0.5)) && isnan(stats_disattenuate(0.5, 0, 1)));
	CHECK(stats_spearman_brown(0.5) == 2.0 / 3 && stats_spearman_brown(1) == 1);
}
TEST_REGISTER(rank_disattenuation);

static void rank_overlap(void)
{
	static const float a[] = { 5, 1, 4, 2, 3 }, b[] = { 4, 5, 1, 3, 2 };
	uint32_t oa[5], ob[5];
	double j;
	struct pair p = pair_new(0, 20000, 4);
	uint32_t *order = calloc(20000, sizeof(*order));

	check_ok(stats_order(a, 5, oa));
	check_ok(stats_order(b, 5, ob));
	check_ok(stats_overlap(oa, ob, 5, 2, &j));	/* {0, 2} and {0, 1} */
	CHECK(j == 1.0 / 3);
	check_ok(stats_overlap(oa, oa, 5, 2, &j));
	CHECK(j == 1);
	check_ok(stats_overlap(oa, ob, 5, 5, &j));
	CHECK(j == 1);
	check_fails(stats_overlap(oa, ob, 5, 6, &j), -EINVAL, "top 6 of 5");
	check_fails(stats_overlap(oa, ob, 5, 0, &j), -EINVAL, "top 0 of 5");
	check_ok(stats_order(p.a, 20000, order));
	check_ok(stats_overlap(order, p.order, 20000, 5000, &j));
	CHECK(near(j, stats_overlap_chance(20000, 5000), 0.01));
	free(order);
	pair_free(&p);
}
TEST_REGISTER(rank_overlap);
