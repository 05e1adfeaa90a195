// SPDX-License-Identifier: MIT
#include "stats/ratio.h"

#include <math.h>

static double sum(const double *x, size_t n)
{
	double s = 0;

	for (size_t i = 0; i < n; i++)
		s += x[i];
	return s;
}

static double error_of(double squares, size_t units)
{
	return units > 1 ? sqrt((double)units / (double)(units - 1) * squares) : NAN;
}

struct stats_estimate stats_ratio(const double *y, const double *n, size_t units)
{
	double total = sum(n, units), r = sum(y, units) / total, squares = 0;

	for (size_t i = 0; i < units; i++) {
		double d = (y[i] - r * n[i]) / total;

		squares += d * d;
	}
	return (struct stats_estimate){ r, error_of(squares, units) };
}

struct stats_estimate stats_ratio_difference(const double *ya, const double *na,
					     const double *yb, const double *nb, size_t units)
{
	double ta = sum(na, units), tb = sum(nb, units), squares = 0;
	double ra = sum(ya, units) / ta, rb = sum(yb, units) / tb;

	for (size_t i = 0; i < units; i++) {
		double d = (ya[i] - ra * na[i]) / ta - (yb[i] - rb * nb[i]) / tb;

		squares += d * d;
	}
	return (struct stats_estimate){ ra - rb, error_of(squares, units) };
}
