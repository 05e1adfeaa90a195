/* SPDX-License-Identifier: MIT */
/*
 * A mean per token whose units are documents: tokens of one document are not independent,
 * documents are.
 *
 * r = sum(y) / sum(n) over units i with y_i in total and n_i tokens.  The error is that of
 * the ratio estimator (Cochran, "Sampling techniques", 3rd ed. 1977, equation 6.13, without
 * the factor for finite populations):
 *
 *	SE(r)^2 = N / (N - 1) * sum((y_i - r n_i)^2) / sum(n_i)^2
 *
 * With equal n_i this is the error of the mean of y_i / n_i.
 */
#ifndef STATS_RATIO_H
#define STATS_RATIO_H

#include "stats/mean.h"

/** stats_ratio() - sum(y) / sum(n) with its error; NaN where there is none. */
struct stats_estimate stats_ratio(const double *y, const double *n, size_t units);

/**
 * stats_ratio_difference() - sum(ya) / sum(na) - sum(yb) / sum(nb), both on the same units,
 * with the paired error: residuals of a unit are subtracted before they are squared.
 */
struct stats_estimate stats_ratio_difference(const double *ya, const double *na,
					     const double *yb, const double *nb, size_t units);

#endif
