/* SPDX-License-Identifier: MIT */
/*
 * The bootstrap over units (Efron 1979): units are drawn with replacement, as many as there
 * are, and the statistic is computed of each such sample.
 *
 * A unit is a row of numbers, and a statistic is a function of their column sums: of means
 * (sum(x), n) and ratios (sum(y) / sum(n)) that is all there is to know.  What was measured
 * on the same unit by two models lies in one row, so that they are drawn together (paired).
 */
#ifndef STATS_BOOTSTRAP_H
#define STATS_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

#define STATS_COLUMNS_MAX 8

/** struct bootstrap - how to draw. */
struct bootstrap {
	uint64_t seed;
	int draws;
	double level;		/* of the interval: 0.95 */
};

/**
 * struct stats_interval - a percentile interval.
 * @value: of the units themselves
 * @below: share of draws below 0, half of those that are 0: a sign that is certain gives 0 or 1
 */
struct stats_interval {
	double value, low, high, below;
};

/**
 * stats_bootstrap() - interval of @statistic.
 * @x: (units, columns), at most STATS_COLUMNS_MAX columns
 * @statistic: of the column sums and the number of units
 *
 * Draw d takes its units from stream (seed, "bootstrap", d): the result depends on neither
 * threads nor machine.  Draws of which the statistic is NaN count as largest.
 * Return: 0; -EINVAL without units; -ENOMEM.
 */
int stats_bootstrap(const double *x, size_t units, int columns,
		    double (*statistic)(const double *sums, size_t units),
		    const struct bootstrap *b, struct stats_interval *interval);

#endif
