/* SPDX-License-Identifier: MIT */
/*
 * Power of the rule "supported: L > delta" (verdict.h): how likely a true gain is found.
 *
 * (mean - delta) / se has the noncentral t distribution with n - 1 degrees of freedom and
 * noncentrality (gain - delta) sqrt(n) / sd, and L > delta says that it exceeds the quantile
 * that the interval is made with.
 */
#ifndef STATS_POWER_H
#define STATS_POWER_H

/**
 * stats_power() - probability of `supported`.
 * @gain: the true one
 * @sd: of the differences; 0: the answer is certain
 * @n: pairs; one pair supports nothing
 * @level: of the interval, below 1
 */
double stats_power(double gain, double sd, int n, double delta, double level);

/**
 * stats_power_gain() - the smallest true gain that is called `supported` with probability
 * @power, in (0, 1); inf if n < 2, or if it is beyond what stats_nct_cdf() knows, where few
 * pairs meet a high level.
 */
double stats_power_gain(double power, double sd, int n, double delta, double level);

#endif
