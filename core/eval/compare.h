/* SPDX-License-Identifier: MIT */
/*
 * Two models on the same items.  Differences are paired: what an item adds to both is gone.
 */
#ifndef EVAL_COMPARE_H
#define EVAL_COMPARE_H

#include "eval/table.h"
#include "stats/bootstrap.h"

/**
 * struct metric_comparison - one metric.
 * @difference: a - b, with its paired standard error, items as units
 * @interval: of the difference, by the paired bootstrap; all NaN without one
 * @only_a, @only_b: METRIC_SHARE: items that just one got right
 * @p: METRIC_SHARE: McNemar's exact two-sided p; else NaN
 */
struct metric_comparison {
	const char *name;
	enum metric_kind kind;
	struct stats_estimate a, b, difference;
	struct stats_interval interval;
	int64_t only_a, only_b;
	double p;
};

/** struct comparison - @items of both; @partial: not all that there are. */
struct comparison {
	size_t items;
	bool partial;
	struct metric_comparison metric[TABLE_METRICS_MAX];
	int metrics;
};

/**
 * compare_tables() - of the metrics that both have, over the items that both have.
 * @boot: NULL: no bootstrap
 *
 * Ratios are compared only where both divide by the same, item by item: nats per token have
 * nothing to say about models that cut text into other tokens.
 * Return: 0; -EINVAL if task, options or data differ, or nothing can be compared; -ENOMEM.
 */
int compare_tables(const struct eval_table *a, const struct eval_table *b,
		   const struct bootstrap *boot, struct comparison *c);

#endif
