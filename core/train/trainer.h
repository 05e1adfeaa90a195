/* SPDX-License-Identifier: MIT */
/*
 * The training loop: graphs, steps, evaluation, checkpoints, resume.
 *
 * One step is: TRAIN_ACCUM micro batches through the step graph (forward and backward,
 * gradients added up), the norm graph (norm of the gradient, clip scale), and the update
 * graph (the optimizer, one pass per segment).  Values that change per step (learning
 * rate, loss scale, accumulate flag, RNG key) are read from a device buffer.
 *
 * All that a step does is a function of the config, the data and the step's number, so
 * that a resumed run has the bits of one that was never cut.
 */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "tensor/arch.h"
#include "train/evaluate.h"

struct checkpoint;
struct dataset;
struct model;
struct prune_event;
struct run;
struct run_facts;
struct trainer;

/** struct train_shape - sizes of a training, derived from the config. */
struct train_shape {
	int batch, accum, context;
	int64_t tokens_per_step;
	int64_t steps;			/* smallest number that spends TRAIN_TOKENS */
};

/** train_shape_read() - what @cfg says of it. Return: 0; -EINVAL without any tokens. */
int train_shape_read(const struct config *cfg, struct train_shape *s);

/** struct step_result - what a step leaves behind. */
struct step_result {
	double loss;		/* nats per token, before the update */
	double grad_norm;	/* before clipping */
	double lr;
};

/**
 * struct train_memory - bytes by purpose, known before the first step.
 * @states: of the optimizer, and masks and sums of pruning
 * @intermediates: with the batches; the sum of all is what a trainer takes of the device
 */
struct train_memory {
	size_t weights, gradients, states, intermediates;
};

/** train_memory_total() - all of it. */
static inline size_t train_memory_total(const struct train_memory *m)
{
	return m->weights + m->gradients + m->states + m->intermediates;
}

/**
 * trainer_resolve() - put what `auto` stands for into @cfg, before it is stored.
 * @vocab: tokens of the data's tokenizer
 */
int trainer_resolve(struct config *cfg, int vocab);

/**
 * trainer_new() - build and plan everything for a training.
 * @cfg, @data, @dev: must outlive the trainer
 * @dry: plan only: no memory is taken, no step can be run
 *
 * Memory is planned before any is taken, since a system that has too little does not refuse
 * it but kills somebody later.
 * Return: 0; -EINVAL for parameters that do not fit; -ENOMEM if the device has less memory
 * than is needed, or naming the largest tensors.
 */
int trainer_new(const struct config *cfg, struct dataset *data, struct device *dev, bool dry,
		struct trainer **t);
void trainer_free(struct trainer *t);

struct model *trainer_model(struct trainer *t);

/** trainer_groups() - the groups of its parameters. */
const struct optim_groups *trainer_groups(const struct trainer *t);
const struct train_shape *trainer_shape(const struct trainer *t);
struct train_memory trainer_memory(const struct trainer *t);

/** trainer_flops() - floating-point operations of one step, summed over the plans. */
double trainer_flops(struct trainer *t);

/** trainer_kernels() - "op kernel" lines of all plans, sorted, distinct, NULL at the end. */
const char *const *trainer_kernels(struct trainer *t);

/** trainer_done() - steps done so far. */
int64_t trainer_done(const struct trainer *t);

/** trainer_unique_tokens() / trainer_epochs() - of the data seen so far. */
uint64_t trainer_unique_tokens(const struct trainer *t);
double trainer_epochs(const struct trainer *t);
/** trainer_epochs_planned() - passes over the data when all steps are done. */
double trainer_epochs_planned(const struct trainer *t);

/**
 * trainer_start() - initial weights: drawn from TRAIN_SEED, or those of @init if given.
 * Return: 0; -EINVAL if @init has other tensors or another tokenizer than the data; -errno.
 */
int trainer_start(struct trainer *t, const char *init);

/**
 * trainer_step() - run the next step.
 * Return: 0; -EDOM if the loss or the gradient is not finite: the message names the
 * first op and tensor that made it, and the weights are those before the step.
 */
int trainer_step(struct trainer *t, struct step_result *result);

/** trainer_event() - the masks that the last step chose; NULL: none. */
const struct prune_event *trainer_event(const struct trainer *t);

/** trainer_eval() - loss on the first TRAIN_EVAL_TOKENS held-out tokens. */
int trainer_eval(struct trainer *t, struct eval_result *result);

/**
 * trainer_save() - write a checkpoint of the current state into @run.
 * Return: 0; -EDOM if a weight or a moment is not finite: then nothing is written; -errno.
 */
int trainer_save(struct trainer *t, struct run *run);

/**
 * trainer_restore() - continue from the run's newest good checkpoint.
 * Return: 0; -ENOENT if there is none yet (begin with trainer_start()); -errno.
 */
int trainer_restore(struct trainer *t, struct run *run);

/**
 * trainer_load() - continue from @ck.
 * Return: 0; -EINVAL if it is of another model or another optimizer; -errno.
 */
int trainer_load(struct trainer *t, const struct checkpoint *ck);

/** struct train_fork - a run that begins in another one. */
struct train_fork {
	const char *old;		/* run folder; not changed but for the mark `keep` */
	long long step;			/* of its checkpoint; -1: of the newest */
	const char *run;		/* the new folder */
	bool force;			/* as run_resume() */
};

/**
 * trainer_fork() - begin a run with the complete state of another one at a checkpoint.
 * @facts: of the new run; what they say of the fork is filled in here
 *
 * The log up to there is copied, the checkpoint as well, and marked in @fork->old as one to
 * keep.  The run is there when all of it is: killed before, it leaves nothing in the way.
 *
 * Return: 0; -EINVAL as run_fork_check(); -ENOENT without such a checkpoint; errors of
 * run_create().
 */
int trainer_fork(struct trainer *t, const struct train_fork *fork, struct run_facts *facts,
		 struct run **run);

#endif
