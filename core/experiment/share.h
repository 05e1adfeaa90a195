/* SPDX-License-Identifier: MIT */
/*
 * What arms share: trainings that cannot differ before some step are one training up to there,
 * and part by `knlp train --fork`.
 */
#ifndef EXPERIMENT_SHARE_H
#define EXPERIMENT_SHARE_H

#include "experiment/experiment.h"

/** struct share - where an arm's training comes from. */
struct share {
	int parent;		/* an earlier arm of the plan; -1: it is trained from the start */
	long long at;		/* steps that are the parent's; 0 without one */
};

/**
 * share_find() - @list (nr_arms) of the arms of @e.
 * @cfgs: (nr_arms) resolved
 *
 * An arm's parent is the earlier arm with which it has the most steps in common.  Arms that
 * are expected to be the same (A/A) have no parent and are none: they are trained by themselves.
 */
void share_find(const struct experiment *e, struct config *const *cfgs, struct share *list);

#endif
