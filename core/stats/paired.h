/* SPDX-License-Identifier: MIT */
/*
 * The paired t interval (Student 1908): two treatments on the same n units, of which only the
 * differences d_i count.  What makes units differ is gone with the subtraction.
 *
 *	mean +- t(1 - (1 - level) / 2, n - 1) * sd / sqrt(n)	sd with n - 1 below
 *
 * Differences that are all the same have sd 0 and an interval of no width.  One difference
 * alone says nothing of its spread: then the interval is (-inf, inf), and every p is 1.  A
 * difference that is not finite makes everything NaN: who wants to leave units out has to
 * say so.
 */
#ifndef STATS_PAIRED_H
#define STATS_PAIRED_H

/** struct stats_paired - @n differences; @p is two-sided, of "the mean is 0". */
struct stats_paired {
	int n;
	double mean, sd, se;
	double level, low, high;
	double p;
};

/** stats_paired() - of differences @d (n); level 0.95 gives a 95 % interval. */
struct stats_paired stats_paired(const double *d, int n, double level);

/**
 * stats_paired_above() - one-sided p of "the true mean is at most @delta": small if it is
 * above.  With sd 0: 0 or 1, and 1 where the mean is exactly @delta.
 */
double stats_paired_above(const struct stats_paired *p, double delta);

/** stats_paired_below() - the same of "at least @delta": small if it is below. */
double stats_paired_below(const struct stats_paired *p, double delta);

/**
 * stats_paired_equivalent() - p of "the true mean is outside (-@delta, @delta)", by two
 * one-sided tests (Schuirmann 1987): the larger of both.  It is below (1 - level) / 2 exactly
 * if the interval lies inside.
 */
double stats_paired_equivalent(const struct stats_paired *p, double delta);

#endif
