/* SPDX-License-Identifier: MIT */
/*
 * A training from where it stands to the end of its budget: steps, and between them what
 * is due: evaluations, checkpoints, samples.  All of it goes into the run's log
 * (Documentation/formats/run.md).
 *
 * Between two steps the order is evaluation, checkpoint, sample.  What a cut left out behind
 * the checkpoint is made up for when the run goes on, from the same weights, so that the log
 * ends up with what an uninterrupted run has.  Samples read the weights and nothing else.
 */
#ifndef TRAIN_SESSION_H
#define TRAIN_SESSION_H

#include <signal.h>
#include <stdint.h>

#include "train/evaluate.h"

struct config;
struct dataset;
struct device;
struct run;
struct trainer;

#define SESSION_SAMPLE_SEED 1	/* of all samples: what differs is the model */

/** struct session - one process's part of a training. Set the first group, zero the rest. */
struct session {
	const struct config *cfg;
	struct dataset *data;
	struct device *dev;
	struct trainer *trainer;
	struct run *run;
	int64_t saved;			/* step of the newest checkpoint, -1 if there is none */
	const volatile sig_atomic_t *stop;	/* not 0: end after the step under way */
	int64_t until;			/* end when so many steps are done; 0: with the last */
	void (*step_done)(void *ctx);	/* called after each step; or NULL */
	void *ctx;

	struct eval_result eval;	/* the last one */
	double loss, lr;		/* of the last step; NaN: none was run */
	double seconds;			/* in steps of this process */
	double seconds_before;		/* in steps of those before, up to where this one began */
	int64_t first;			/* steps done when this process began */
	double told;			/* clock when load and peak memory were logged last */
};

/**
 * session_begin() - note where the training stands; for a resumed one, make up for the
 * evaluation and the sample of its last step if a cut left them out.
 */
int session_begin(struct session *s);

/**
 * session_run() - run steps until the budget is spent, @until is reached or *stop is set, and
 * save.
 * Return: 0 in all cases; -errno, and the log ends with a line "failed".
 */
int session_run(struct session *s);

/**
 * session_tail() - mean loss of the last 2 % of the steps done, at least one, as logged.
 * @loss: nats per token; NaN if none is logged
 * @steps: how many they are
 */
int session_tail(const struct session *s, double *loss, int64_t *steps);

/** session_rate() - tokens per second of the steps of this process. */
double session_rate(const struct session *s);

#endif
