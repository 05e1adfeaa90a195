// SPDX-License-Identifier: MIT
#include "stats/student.h"

#include <math.h>

#include "stats/beta.h"
#include "stats/normal.h"

#define STEPS_MAX 100

double stats_t_upper(double t, double df)
{
	double u = t * t / df, x = 1 / (1 + u);

	if (t < 0)
		return 1 - stats_t_upper(-t, df);
	/* Squares of large t overflow: x is 0 then, and rightly so. */
	return 0.5 * stats_beta(df / 2, 0.5, x, isinf(u) ? 1 : u * x);
}

static double density(double t, double df)
{
	return exp(-(df + 1) / 2 * log1p(t * t / df) - stats_log_beta(df / 2, 0.5)) / sqrt(df);
}

/* Newton from the left of a function that falls and is convex: it never steps too far. */
static double quantile_near(double q, double df)
{
	double t = 0, step = 1;

	for (int i = 0; i < STEPS_MAX && fabs(step) > 1e-16 * t; i++) {
		step = (stats_t_upper(t, df) - q) / density(t, df);
		t += step;
	}
	return t;
}

/*
 * In the tail ln P(T > t) is almost a line in ln t, and concave: one step leads to its right
 * side, and the next ones back without passing.
 */
static double quantile_far(double q, double df)
{
	double t = stats_normal_quantile(1 - q), step = 1;

	for (int i = 0; i < STEPS_MAX && fabs(step) > 1e-16; i++) {
		double tail = stats_t_upper(t, df);

		step = log(tail / q) * tail / (density(t, df) * t);
		t *= exp(step);
	}
	return t;
}

double stats_t_quantile(double p, double df)
{
	double q = p < 0.5 ? p : 1 - p, t;

	if (!(p > 0 && p < 1))
		return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
	t = p == 0.5 ? 0 : q > 0.1 ? quantile_near(q, df) : quantile_far(q, df);
	return p < 0.5 ? -t : t;
}

/* struct series - a sum of I_x(j + 1/2, df / 2) and I_x(j + 1, df / 2), weighted by terms. */
struct series {
	double df, x, y, mean;		/* y: 1 - x */
	double sum, weight;
};

/*
 * Add terms @j, j + 1, ... (@step 1) or j, j - 1, ... (-1), @nr of them.  @at is proportional
 * to the Poisson probability of j, @between to what follows with j + 1/2 in its place.
 */
static void add_terms(struct series *s, double j, int step, double nr, double at, double between)
{
	for (; nr > 0 && j >= 0; nr--, j += step) {
		s->weight += at;
		s->sum += at * stats_beta(j + 0.5, s->df / 2, s->x, s->y) +
			  between * stats_beta(j + 1, s->df / 2, s->x, s->y);
		at *= step > 0 ? s->mean / (j + 1) : j / s->mean;
		between *= step > 0 ? s->mean / (j + 1.5) : (j + 0.5) / s->mean;
	}
}

/*
 * Probabilities are counted from that of the middle, 1, and divided by their sum, so that no
 * large logarithms are subtracted.  Ten standard deviations are all there is.
 */
static double series_sum(struct series *s, double nc)
{
	double middle = floor(s->mean), reach = 10 * sqrt(s->mean) + 40;
	double between = nc / sqrt(2 * M_PI) * exp(stats_log_beta(middle + 1, 0.5));

	add_terms(s, middle, 1, reach, 1, between);
	add_terms(s, middle - 1, -1, reach, middle / s->mean,
		  between * (middle + 0.5) / s->mean);
	return s->sum / s->weight;
}

double stats_nct_cdf(double t, double df, double nc)
{
	double u = t * t / df;
	struct series s = { df, isinf(u) ? 1 : u / (1 + u), 1 / (1 + u), nc * nc / 2, 0, 0 };

	if (!(fabs(nc) <= STATS_NCT_MAX))
		return NAN;
	if (t < 0)
		return 1 - stats_nct_cdf(-t, df, -nc);
	if (s.mean == 0)
		return 1 - stats_t_upper(t, df);
	return fmin(1, fmax(0, stats_normal_upper(nc) + series_sum(&s, nc) / 2));
}
