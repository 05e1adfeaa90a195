/* SPDX-License-Identifier: MIT */
/*
 * Means with standard errors, and how two series that were measured on the same units go
 * together.  Sums are taken in fp64 in the order of the units; deviations are taken from the
 * mean (two passes), so that a large mean costs no digits.
 */
#ifndef STATS_MEAN_H
#define STATS_MEAN_H

#include <stddef.h>

/** struct stats_estimate - a value and its standard error; NaN where there is none. */
struct stats_estimate {
	double value, error;
};

/**
 * stats_mean() - mean of @x, with sd / sqrt(n), where sd has n - 1 below.
 * One unit has no error, no unit no mean: NaN.
 */
struct stats_estimate stats_mean(const double *x, size_t n);

/** stats_mean_difference() - mean of a - b over the same units, with its paired error. */
struct stats_estimate stats_mean_difference(const double *a, const double *b, size_t n);

/**
 * stats_correlation() - Pearson's, in [-1, 1].
 * Return: NaN for fewer than two units, or where one of the series is constant.
 */
double stats_correlation(const double *a, const double *b, size_t n);

/** stats_rms() - sqrt(mean(x^2)), with the error of the mean of squares carried over. */
struct stats_estimate stats_rms(const double *x, size_t n);

#endif
