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

/** struct session_losses - what the log of a run says of its losses, in nats per token. */
struct session_losses {
	double train;			/* mean of the last 2 % of the steps done; NaN: no step */
	int64_t steps;			/* how many they are, at least one */
	double eval;			/* the last held-out one; NaN: none was measured */
	double eval_per_byte;		/* nats per byte; NaN if the tokens stand for no text */
	int64_t eval_tokens, eval_step;	/* step -1: none was measured */
};

/** session_losses() - those up to where the training stands, of all processes. */
int session_losses(const struct session *s, struct session_losses *losses);

/** session_next_eval() - the step behind those done that the next evaluation is due at. */
int64_t session_next_eval(const struct session *s);

/** session_log_masks() - log what the last step chose to drop, if it did. */
#if IS_ENABLED(CONFIG_PRUNE)
int session_log_masks(const struct session *s);
#else
static inline int session_log_masks(const struct session *s)
{
	return 0;
}
#endif

/** session_rate() - tokens per second of the steps of this process. */
double session_rate(const struct session *s);

#endif
