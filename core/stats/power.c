// SPDX-License-Identifier: MIT
#include "stats/power.h"

#include <math.h>

#include "stats/student.h"

/* Beyond STATS_NCT_MAX nothing changes: even with n = 2 the rest is below 1e-50. */
static double power_of(double nc, int n, double level)
{
	nc = fmax(-STATS_NCT_MAX, fmin(STATS_NCT_MAX, nc));
	return 1 - stats_nct_cdf(stats_t_quantile((1 + level) / 2, n - 1), n - 1, nc);
}

double stats_power(double gain, double sd, int n, double delta, double level)
{
	if (n < 2)
		return 0;
	if (sd == 0)
		return gain > delta ? 1 : 0;
	return power_of((gain - delta) * sqrt(n) / sd, n, level);
}

double stats_power_gain(double power, double sd, int n, double delta, double level)
{
	double low = -1, high = 1;

	if (n < 2)
		return INFINITY;
	while (power_of(low, n, level) > power && low > -STATS_NCT_MAX)
		low *= 2;
	while (power_of(high, n, level) < power && high < STATS_NCT_MAX)
		high *= 2;
	if (power_of(high, n, level) < power)	/* as far as is known */
		return sd > 0 ? INFINITY : delta;
	while (high - low > 1e-12 * fmax(1, fabs(high))) {
		double middle = (low + high) / 2;

		if (power_of(middle, n, level) < power)
			low = middle;
		else
			high = middle;
	}
	return delta + high * sd / sqrt(n);
}
