/* SPDX-License-Identifier: MIT */
/*
 * Optimizers.  One file each: the states it keeps per weight, the nodes of its update,
 * and the values that it reads per step.
 */
#ifndef OPTIM_OPTIM_H
#define OPTIM_OPTIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "base/section.h"

struct graph;
struct tensor;

#define OPTIM_MAX_STATES 2
#define OPTIM_HYPER 4

/** What may be cut: anything, or only between matrices (Muon). */
enum optim_unit { OPTIM_ELEMENT, OPTIM_MATRIX };

/** struct optim_segment - one segment to update: flat tensors of one length, f32. */
struct optim_segment {
	struct tensor *weights, *gradients;
	struct tensor *states[OPTIM_MAX_STATES];
	struct tensor *mask;	/* u8: where it is 0, weight and states become 0; or NULL */
	struct tensor *shadow;	/* bf16 copy of the weights that the update renews, or NULL */
	struct tensor *clip;	/* f32 scalar: factor on the gradient */
	struct tensor *hyper;	/* f32 (OPTIM_HYPER), as hyper() fills it */
	double decay;		/* weight decay */
};

/**
 * struct optimizer - a kind of optimizer.
 * @states: names of its states, as files call them
 * @others: OPTIM_MATRIX: the optimizer of what is no matrix, unless a rule says otherwise
 * @decay: what OPTIM_WEIGHT_DECAY=auto stands for
 * @lr_scale: its learning rate as a multiple of the schedule's; NULL: 1
 * @update: append the update of a segment, in place; reads OPTIM_* parameters
 * @hyper: values of step @step (1 is the first) with learning rate @lr; NULL: @lr comes
 *	first, the others are 0
 */
struct optimizer {
	const char *name;
	const char *summary;
	enum optim_unit unit;
	int nr_states;
	const char *states[OPTIM_MAX_STATES];
	const char *others;
	double decay;
	double (*lr_scale)(const struct config *cfg);
	int (*update)(struct graph *g, const struct config *cfg, const struct optim_segment *s);
	void (*hyper)(const struct config *cfg, int64_t step, double lr,
		      float hyper[OPTIM_HYPER]);
};

#define OPTIMIZER_REGISTER(var) SECTION_ENTRY(knlp_optimizers, struct optimizer, var)

/** optimizer_find() - by name; NULL with a message that lists those that are compiled in. */
const struct optimizer *optimizer_find(const char *name);

/** optimizer_hyper() - what the updates of @o read in step @step (1 is the first). */
void optimizer_hyper(const struct optimizer *o, const struct config *cfg, int64_t step, double lr,
		     float hyper[OPTIM_HYPER]);

/** optimizer_decay() - OPTIM_WEIGHT_DECAY, or what auto stands for with @o. */
double optimizer_decay(const struct config *cfg, const struct optimizer *o);

#endif
