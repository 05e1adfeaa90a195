// SPDX-License-Identifier: MIT
#include "stats/normal.h"

#include <math.h>

double stats_normal_upper(double z)
{
	return 0.5 * erfc(z * M_SQRT1_2);
}

/* The z >= 0 with P(Z > z) = q, q at most 1/2. */
static double upper_quantile(double q)
{
	double t = sqrt(-2 * log(q));
	double z = t - (2.515517 + t * (0.802853 + t * 0.010328)) /
		   (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));

	for (int i = 0; i < 4; i++) {
		double tail = stats_normal_upper(z);
		double density = exp(-0.5 * z * z) / sqrt(2 * M_PI);

		z += log(tail / q) * tail / density;
	}
	return z;
}

double stats_normal_quantile(double p)
{
	if (!(p > 0 && p < 1))
		return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
	if (p == 0.5)
		return 0;
	return p < 0.5 ? -upper_quantile(p) : upper_quantile(1 - p);
}
