/* SPDX-License-Identifier: MIT */
/* What a run would take, before it is begun. */
#ifndef EXPERIMENT_ESTIMATE_H
#define EXPERIMENT_ESTIMATE_H

#include <stdint.h>

#include "experiment/resolve.h"

/** struct arm_cost - of one cell of an arm. */
struct arm_cost {
	int64_t parameters, steps, tokens_per_step;
	int64_t shared;			/* steps that are another arm's */
	double flops_per_step;
	uint64_t memory;		/* bytes */
	uint64_t checkpoint, disk;	/* bytes: of one, and of all that it keeps */
	double step_seconds;		/* measured: median of some steps */
	double eval_seconds;		/* measured: one evaluation */
	double seconds;			/* of all that the cell does itself */
};

/**
 * experiment_estimate() - plan each arm, and run a few steps of it.
 * @threads: of one cell
 * @share: arms share what they have in common
 * @cost: (nr_arms); arms of one configuration are measured once
 *
 * Starting processes, saving, and the measures of the plan are not in it: nobody knows what
 * commands take.
 */
int experiment_estimate(const struct experiment *e, const struct resolved *r, int threads,
			bool share, struct arm_cost *cost);

/** experiment_measures() - how many times measures are run, in all cells together. */
long long experiment_measures(const struct experiment *e);

#endif
