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

/** struct measure_time - what a measure took in this process. */
struct measure_time {
	double seconds;
	int nr;
	int before;			/* how many were there when it began */
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
	double steps_before;		/* that were done when it began */
	double step_seconds;		/* of children of this process */
	long long steps;
	struct measure_time *time;	/* (nr_measures) */
	char *hopeless;			/* what every cell would fail by; NULL: nothing yet */
};

#endif
