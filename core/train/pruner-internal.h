/* SPDX-License-Identifier: MIT */
/* The inside of a pruner, for its files. */
#ifndef TRAIN_PRUNER_INTERNAL_H
#define TRAIN_PRUNER_INTERNAL_H

#include "prune/event.h"
#include "prune/mask-file.h"
#include "prune/schedule.h"
#include "prune/settings.h"
#include "train/pruner.h"
#include "train/trainer-internal.h"

/**
 * struct pruner - masks, and what choosing them takes.
 * @reads: inputs of criterion, allocation and regrowth, READS(...)
 * @mask: u8; @movement, @fisher: f32; like the segments of weights, NULL where a group has
 *	nothing that may be pruned, or the sums are not read
 * @take: sums up movement; @square: squares of gradients, with @flag
 * @t: (@nr); @t[i] is parameter @param[i]; its mask is the one in force
 * @event: of the last step, if @has_event
 */
struct pruner {
	struct prune_settings s;
	struct prune_schedule schedule;
	unsigned int reads;
	struct segment *mask[GROUP_MAX], *movement[GROUP_MAX], *fisher[GROUP_MAX];
	struct stage take, square;
	struct prune_tensor *t;
	int *param;
	int nr;
	bool has_masks, has_event;
	struct prune_event event;
};

static inline const struct param_info *pruned_param(const struct trainer *t, int i)
{
	return &t->model->params[t->pruner->param[i]];
}

/** pruner_inputs() - fill @p->t's inputs; pruner_inputs_free() in any case. */
int pruner_inputs(struct trainer *t);
void pruner_inputs_free(struct pruner *p);

/** pruner_write_masks() - bring the masks in force to the device. */
int pruner_write_masks(struct trainer *t);

/** pruner_state() - index of state @name of the parameter's optimizer; -ENOENT (no message). */
int pruner_state(const struct trainer *t, const struct param_info *info, const char *name);

#endif
