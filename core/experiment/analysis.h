/* SPDX-License-Identifier: MIT */
/*
 * What a run of an experiment says: values of all cells, gains of arms over the baseline,
 * intervals, verdicts, controls, cost.
 *
 *	struct analysis *a;
 *
 *	ret = analysis_make(run, &a);
 *	... print ...
 *	analysis_free(a);
 *
 * Gains are differences between an arm and the baseline with the same seed, positive where
 * the arm is better: baseline - arm if the metric's `better` is `lower`.  A seed of which
 * either cell has no value has no gain, and while that is so for the primary arm there is no
 * verdict: the seeds were fixed before the run, and those that finish are not a fair sample.
 *
 * The primary arm's verdict is not adjusted; those of the other arms are adjusted as one
 * family of all `arm`s in the plan.  Controls get no verdict: they do what is expected, or
 * not.  It all follows from the run's folder.  Documentation/design/verdicts.md.
 */
#ifndef EXPERIMENT_ANALYSIS_H
#define EXPERIMENT_ANALYSIS_H

#include <stdbool.h>
#include <stddef.h>

#include "experiment/experiment.h"
#include "stats/bootstrap.h"
#include "stats/mean.h"
#include "stats/verdict.h"

#define ANALYSIS_LEVEL	0.95
#define ANALYSIS_POWER	0.8

/** enum value_state - why a cell has a value, or none. */
enum value_state {
	VALUE_OK,
	VALUE_TO_COME,		/* the cell is not so far */
	VALUE_FAILED,		/* and will not be: diverged, or no such number */
};

/**
 * struct analysis_value - of a cell.
 * @value: NaN unless VALUE_OK
 * @gain: over the baseline's cell of the same seed; NaN if either has no value, and of the
 *	baseline itself
 * @why: VALUE_FAILED: the message; else NULL
 */
struct analysis_value {
	enum value_state state;
	double value, gain;
	char *why;
};

/**
 * struct analysis_contrast - gains of one arm over another (over the baseline).
 * @to_come, @failed: seeds without a gain, by what their worse cell is
 * @gain: over the seeds that have one; n = 0 and all NaN if none has
 * @same: are all values the same, and is there one for every seed?
 * @one: are there several gains, all the same and not 0?  Then seeds made no difference, and
 *	what looks like n replicates is one: intervals and p are worth nothing
 * @found: smallest true gain that would be called `supported` with probability
 *	ANALYSIS_POWER, if gains vary between all seeds of the plan as these do.  Of one among
 *	several arms, if its p were multiplied by the number of arms, as the smallest one's is.
 *	NaN without two gains, or where no verdict is sought
 */
struct analysis_contrast {
	int to_come, failed;
	struct stats_paired gain;
	struct verdict verdict;
	bool same, one;
	double found;
};

/** enum analysis_control - has an arm with `expect` done so? Asked of the plan's metric. */
enum analysis_control {
	CONTROL_NONE,		/* nothing was expected */
	CONTROL_OPEN,		/* seeds are missing, or the interval has 0 in it */
	CONTROL_KEPT,
	CONTROL_BROKEN,		/* the wrong sign, or a difference where there must be none */
};

/**
 * struct analysis_arm - one arm in one table.
 * @value: (nr_seeds)
 * @mean, @sd: of the values that are there; NaN without, sd of one
 * @contrast: over the baseline; of the baseline itself: n = 0
 */
struct analysis_arm {
	struct analysis_value *value;
	int values;
	double mean, sd;
	struct analysis_contrast contrast;
};

/**
 * struct analysis_table - one metric at one share of the training.
 * @at: index into plan->at
 * @arm: (nr_arms)
 */
struct analysis_table {
	const struct experiment_metric *metric;
	int at;
	struct analysis_arm *arm;
};

/**
 * struct analysis_cost - what the cells of an arm took, those that are trained.
 * @cells: how many are
 * @tokens, @seconds: of a cell, means; @seconds are in steps, a shared beginning included
 * @seconds_all: of all cells
 * @parameters: of the model; this and what follows is of the first cell
 * @unique_tokens, @epochs: of the training text; NaN where a folder is gone that says so
 */
struct analysis_cost {
	int cells;
	double tokens, seconds, seconds_all, tokens_per_s;
	double parameters, tokens_per_parameter;
	double unique_tokens, epochs;
};

/**
 * struct analysis_documents - the document bootstrap: arm against baseline on the items of one
 * evaluation, for the models that were trained.  Items are drawn, seeds are not: this is
 * what another held-out text would change, and no part of a verdict.
 * @measure: index into plan->measures; its dump is MEASURE.jsonl beside MEASURE.json
 * @metric: "loss"
 * @seed: -1: each item is the mean over the seeds that both arms have, @seeds of them; else,
 *	for shares of right answers only, index into plan->seeds
 * @difference: arm - baseline in the metric's unit, with the error over items
 * @interval: of the difference by the bootstrap, if @seed is -1; else NaN
 * @p: McNemar's exact p of one seed; NaN if @seed is -1
 */
struct analysis_documents {
	int arm, measure, seed, seeds;
	char *metric;
	size_t items;
	double baseline, value;
	struct stats_estimate difference;
	struct stats_interval interval;
	double p;
};

/**
 * struct analysis - see above.
 * @tables: the first is the plan's metric at the end, the only one with verdicts; then that
 *	at the earlier shares, then each of plan->more at all shares
 * @expect: (nr_arms)
 * @over_control: (nr_arms) of a control that is not expected to be the same: the primary arm's
 *	gain over it, without verdict ("better than a random choice?"); others: n = 0
 * @cost: (nr_arms)
 * @diff: parameters in which arms differ, in the order of enum param_id; values are those of
 *	plan->arms[].cfg
 * @state: (CELL_DONE + 1) cells in that state
 */
struct analysis {
	const struct experiment_run *run;
	const struct experiment *plan;
	double level;
	struct analysis_table *tables;
	int nr_tables;
	enum analysis_control *expect;
	struct analysis_contrast *over_control;
	struct analysis_cost *cost;
	int *diff;
	int nr_diff;
	struct analysis_documents *documents;
	int nr_documents;
	int state[CELL_DONE + 1];
};

/**
 * analysis_make() - read all cells of @run, which must outlive the analysis.
 *
 * Cells that are missing, cut or broken are part of what it says, no errors.
 * Return: 0; -ENOMEM; -errno.
 */
int analysis_make(const struct experiment_run *run, struct analysis **out);
void analysis_free(struct analysis *a);

/** analysis_control_name() - "", "open", "as expected", "not as expected". */
const char *analysis_control_name(enum analysis_control c);

/**
 * analysis_say() - one sentence on arm number @arm: "noisy: not supported, reversed: gain -0.12
 * [-0.14, -0.10] nats/token, n = 5; the smallest worth claiming is 0.005".
 */
void analysis_say(const struct analysis *a, int arm, struct strbuf *sb);

/** analysis_say_power() - what the primary contrast could have found; "" if unknown. */
void analysis_say_power(const struct analysis *a, struct strbuf *sb);

#endif
