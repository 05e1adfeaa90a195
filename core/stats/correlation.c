// SPDX-License-Identifier: MIT
#include "stats/correlation.h"

#include <math.h>

#include "stats/normal.h"

void stats_rho_interval(double rho, size_t n, double level, double *low, double *high)
{
	double z = atanh(rho), reach = n < 4 ? INFINITY :
		stats_normal_quantile((1 + level) / 2) *
		sqrt((1 + rho * rho / 2) / ((double)n - 3));

	*low = n < 4 ? -1 : tanh(z - reach);
	*high = n < 4 ? 1 : tanh(z + reach);
}

double stats_spearman_brown(double r)
{
	return 2 * r / (1 + r);
}

double stats_disattenuate(double r, double reliability_a, double reliability_b)
{
	if (!(reliability_a > 0 && reliability_b > 0))
		return NAN;
	return r / sqrt(reliability_a * reliability_b);
}
