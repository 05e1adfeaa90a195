// SPDX-License-Identifier: MIT
#include "stats/paired.h"

#include <math.h>
#include <stdbool.h>

#include "stats/mean.h"
#include "stats/student.h"

static struct stats_paired nothing(int n, double level)
{
	return (struct stats_paired){ n, NAN, NAN, NAN, level, NAN, NAN, NAN };
}

static bool all_the_same(const double *d, int n)
{
	for (int i = 1; i < n; i++)
		if (d[i] != d[0])
			return false;
	return true;
}

/* The mean of equal numbers, taken by adding them up, may differ from them in the last digit. */
static struct stats_estimate mean_of(const double *d, int n)
{
	if (n > 1 && all_the_same(d, n))
		return (struct stats_estimate){ d[0], 0 };
	return stats_mean(d, (size_t)n);
}

struct stats_paired stats_paired(const double *d, int n, double level)
{
	struct stats_paired p = nothing(n, level);
	struct stats_estimate e;
	double reach;

	for (int i = 0; i < n; i++)
		if (!isfinite(d[i]))
			return p;
	if (n < 1)
		return p;
	e = mean_of(d, n);
	p.mean = e.value;
	p.se = e.error;
	p.sd = e.error * sqrt(n);
	reach = n < 2 ? INFINITY : stats_t_quantile((1 + level) / 2, n - 1) * p.se;
	p.low = p.mean - reach;
	p.high = p.mean + reach;
	p.p = 2 * fmin(0.5, fmin(stats_paired_above(&p, 0), stats_paired_below(&p, 0)));
	return p;
}

/* P(T > (mean - delta) / se) */
static double tail(const struct stats_paired *p, double above)
{
	if (isnan(p->mean))
		return NAN;
	if (p->n < 2)
		return 1;
	if (p->se == 0)
		return above > 0 ? 0 : 1;
	return stats_t_upper(above / p->se, p->n - 1);
}

double stats_paired_above(const struct stats_paired *p, double delta)
{
	return tail(p, p->mean - delta);
}

double stats_paired_below(const struct stats_paired *p, double delta)
{
	return tail(p, delta - p->mean);
}

double stats_paired_equivalent(const struct stats_paired *p, double delta)
{
	double above = stats_paired_above(p, -delta), below = stats_paired_below(p, delta);

	return above > below || isnan(above) ? above : below;
}
