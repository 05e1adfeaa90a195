/* SPDX-License-Identifier: MIT */
/* What runner.c keeps while it runs. */
#ifndef EXPERIMENT_RUNNER_INTERNAL_H
#define EXPERIMENT_RUNNER_INTERNAL_H

#include "experiment/child.h"
#include "experiment/runner.h"
#include "experiment/share.h"

/** struct worker - one of the children side by side, and what it does. */
struct worker {
	struct child child;
	int threads;
	struct experiment_cell *cell;
	const struct experiment_cell *parent;	/* it begins with this one's; or NULL */
	long long until;		/* stop there, so that others can part; 0: at the end */
	int measure, at;		/* -1: training */
	double begin;
	long long done_before;
};

struct runner {
	struct experiment_run *run;
	const struct runner_options *o;
	struct config **cfgs;		/* (nr_arms) resolved */
	struct share *share;		/* (nr_arms) */
	bool *failed;			/* (nr_cells) in this process: not tried again */
	struct worker *workers;
	int nr_workers;
	bool bar;
	double step_seconds, measure_seconds;	/* of children of this process */
	long long steps;
	int measures;
};

#endif
