/* SPDX-License-Identifier: MIT */
/* Quantiles, by linear interpolation between order statistics (NumPy's default, R's type 7). */
#ifndef STATS_QUANTILE_H
#define STATS_QUANTILE_H

#include <stddef.h>

/** stats_sort() - sort @x, ascending; NaN behind all numbers. */
void stats_sort(double *x, size_t n);

/**
 * stats_quantile() - the value below which a share @q of @sorted lies.
 * @sorted: (n), from stats_sort()
 * @q: in [0, 1]
 * Return: NaN if @n is 0.
 */
double stats_quantile(const double *sorted, size_t n, double q);

#endif
