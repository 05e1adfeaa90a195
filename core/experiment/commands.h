/* SPDX-License-Identifier: MIT */
/* The commands that a cell consists of. */
#ifndef EXPERIMENT_COMMANDS_H
#define EXPERIMENT_COMMANDS_H

#include <stdbool.h>

#include "experiment/experiment.h"
#include "experiment/share.h"
#include "experiment/argv.h"
#include "experiment/child.h"

/** struct command_cell - what the commands of a cell need to know. */
struct command_cell {
	const struct experiment_run *run;
	const struct experiment_cell *cell;
	const char *data;
	const char *model;		/* that is given, or NULL */
	int threads;
	const struct share *share;	/* (nr_arms) */
};

/** command_train() - train it; @until: stop after that step, 0: at the end. */
int command_train(const struct command_cell *c, bool resume, long long until,
		  struct argv *words);

/** command_fork() - the same, beginning with the first @at steps of @parent. */
int command_fork(const struct command_cell *c, const struct experiment_cell *parent, long long at,
		 long long until, struct argv *words);

/** command_measure() - measure number @measure at share number @at, placeholders filled in. */
int command_measure(const struct command_cell *c, int measure, int at, struct argv *words);

/**
 * command_example() - measure number @measure of @e, with an example for each placeholder: for
 * looking at its words before there is a run.
 */
int command_example(const struct experiment *e, int measure, struct argv *words);

/**
 * command_answer() - write what a measure printed, when it ended well, to @file.
 * @why: set, and no file written, if that is no JSON object; free it
 */
int command_answer(const struct child *child, const char *measure, const char *file, char **why);

#endif
