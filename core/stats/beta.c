// SPDX-License-Identifier: MIT
#include "stats/beta.h"

#include <math.h>

#define STIRLING_FROM	10	/* the series below has 16 digits from here on */
#define TERMS_MAX	100000
#define TINY		1e-300

/* ln gamma(x) - ((x - 1/2) ln x - x + ln(2 pi) / 2), the rest of Stirling's formula. */
static double stirling_rest(double x)
{
	static const double c[] = {	/* B_2k / (2k (2k - 1)) */
		1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188, -691.0 / 360360,
		1.0 / 156,
	};
	double z = 1 / (x * x), sum = 0;

	for (int i = sizeof(c) / sizeof(c[0]); i-- > 0; )
		sum = sum * z + c[i];
	return sum / x;
}

double stats_log_beta(double a, double b)
{
	double p = fmin(a, b), q = fmax(a, b), rest;

	if (q < STIRLING_FROM)
		return lgamma(p) + lgamma(q) - lgamma(p + q);
	rest = stirling_rest(q) - stirling_rest(p + q);
	if (p < STIRLING_FROM)
		return lgamma(p) - (q - 0.5) * log1p(p / q) - p * log(p + q) + p + rest;
	return stirling_rest(p) + rest + 0.5 * log(2 * M_PI) - (q - 0.5) * log1p(p / q) -
	       (p - 0.5) * log1p(q / p) - 0.5 * log(p + q);
}

/* The fraction of DLMF 8.17.22, by the method of Lentz. It converges for x < (a+1)/(a+b+2). */
static double fraction(double a, double b, double x)
{
	double c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), f = d;

	for (int m = 1; m < TERMS_MAX; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double factor;

		d = 1 / (1 + even * d + TINY);
		c = 1 + even / c + TINY;
		f *= c * d;
		d = 1 / (1 + odd * d + TINY);
		c = 1 + odd / c + TINY;
		factor = c * d;
		f *= factor;
		if (fabs(factor - 1) < 1e-16)
			break;
	}
	return f;
}

static double log_of(double x, double y)
{
	return x < 0.5 ? log(x) : log1p(-y);
}

double stats_beta(double a, double b, double x, double y)
{
	double front;

	if (!(x > 0))
		return x <= 0 ? 0 : NAN;
	if (!(y > 0))
		return y <= 0 ? 1 : NAN;
	front = exp(a * log_of(x, y) + b * log_of(y, x) - stats_log_beta(a, b));
	if (x < (a + 1) / (a + b + 2))
		return front * fraction(a, b, x) / a;
	return 1 - front * fraction(b, a, y) / b;
}
