/* SPDX-License-Identifier: MIT */
/* The standard normal distribution. */
#ifndef STATS_NORMAL_H
#define STATS_NORMAL_H

/** stats_normal_upper() - P(Z > z), with all its digits in the tail. */
double stats_normal_upper(double z);

/**
 * stats_normal_quantile() - the z with P(Z <= z) = @p, in (0, 1); -inf and inf at its ends.
 * Abramowitz and Stegun 26.2.23, and Newton's steps on the logarithm from there.
 */
double stats_normal_quantile(double p);

#endif
