/* SPDX-License-Identifier: MIT */
/*
 * Running an experiment: all cells of its matrix, several side by side.
 *
 * A cell is trained by `knlp train` and measured by the commands of the plan, each a child
 * process (child.h).  What there is to do follows from the disk alone, so a run that was cut,
 * however, goes on where it was.  A cell that fails is noted, and the others go on.
 */
#ifndef EXPERIMENT_RUNNER_H
#define EXPERIMENT_RUNNER_H

#include <signal.h>
#include <stdbool.h>

#include "experiment/experiment.h"

struct runner_options {
	const char *data;		/* folder of token shards; NULL: that of the manifest */
	const char *model;		/* where one is given; NULL: that of the manifest */
	int jobs;			/* cells side by side */
	int threads;			/* of all of them together */
	bool share;			/* arms share what they have in common */
	const volatile sig_atomic_t *stop;	/* not 0: stop the children in good order */
};

/**
 * experiment_execute() - do what is left to do of @run, whose lock the caller has.
 *
 * The states of the cells are up to date afterwards.
 * Return: 0 if all cells are done; -ECANCELED if some failed, by name; -EINTR after a stop.
 */
int experiment_execute(struct experiment_run *run, const struct runner_options *o);

#endif
