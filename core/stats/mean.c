// SPDX-License-Identifier: MIT
#include "stats/mean.h"

#include <math.h>

/* What a mean is taken of: a unit's value. */
typedef double (*value_fn)(const double *a, const double *b, size_t i);

static double plain(const double *a, const double *b, size_t i)
{
	(void)b;
	return a[i];
}

static double difference(const double *a, const double *b, size_t i)
{
	return a[i] - b[i];
}

static double square(const double *a, const double *b, size_t i)
{
	(void)b;
	return a[i] * a[i];
}

static struct stats_estimate mean_of(value_fn value, const double *a, const double *b, size_t n)
{
	double sum = 0, squares = 0, mean;

	if (!n)
		return (struct stats_estimate){ NAN, NAN };
	for (size_t i = 0; i < n; i++)
		sum += value(a, b, i);
	mean = sum / (double)n;
	for (size_t i = 0; i < n; i++) {
		double d = value(a, b, i) - mean;

		squares += d * d;
	}
	return (struct stats_estimate){
		mean, n > 1 ? sqrt(squares / (double)(n - 1) / (double)n) : NAN };
}

struct stats_estimate stats_mean(const double *x, size_t n)
{
	return mean_of(plain, x, NULL, n);
}

struct stats_estimate stats_mean_difference(const double *a, const double *b, size_t n)
{
	return mean_of(difference, a, b, n);
}

double stats_correlation(const double *a, const double *b, size_t n)
{
	double mean_a = stats_mean(a, n).value, mean_b = stats_mean(b, n).value;
	double aa = 0, bb = 0, ab = 0, r;

	for (size_t i = 0; i < n; i++) {
		double da = a[i] - mean_a, db = b[i] - mean_b;

		aa += da * da;
		bb += db * db;
		ab += da * db;
	}
	r = ab / (sqrt(aa) * sqrt(bb));
	return r > 1 ? 1 : r < -1 ? -1 : r;
}

/* d sqrt(m) = dm / (2 sqrt(m)) */
struct stats_estimate stats_rms(const double *x, size_t n)
{
	struct stats_estimate m = mean_of(square, x, NULL, n);
	double rms = sqrt(m.value);

	return (struct stats_estimate){ rms, rms > 0 ? 0.5 / rms * m.error : m.error };
}
