/* SPDX-License-Identifier: MIT */
/*
 * Learning rate schedules: pure functions of the step, tied to the token budget by the
 * number of steps that spends it.
 */
#ifndef OPTIM_SCHEDULE_H
#define OPTIM_SCHEDULE_H

#include <stdint.h>

#include "base/section.h"

/** How wsd falls: in a straight line, or as 1 - sqrt(part of the way). */
enum decay_shape { DECAY_LINEAR, DECAY_SQRT };

/** struct schedule_range - where a schedule goes. */
struct schedule_range {
	double lr, min_lr;	/* at its top, at its end */
	int64_t warmup;		/* steps from 0 to lr */
	int64_t steps;		/* in all */
	double decay;		/* wsd: share of all steps in which it falls */
	enum decay_shape decay_shape;
};

/**
 * struct schedule - the shape after the warm-up.
 * @level: 1 stands for lr, 0 for min_lr; @progress: fraction of the steps behind the
 *	warm-up, in [0, 1]
 */
struct schedule {
	const char *name;
	const char *summary;
	double (*level)(const struct schedule_range *r, double progress);
};

#define SCHEDULE_REGISTER(var) SECTION_ENTRY(knlp_schedules, struct schedule, var)

/** schedule_find() - by name; NULL with a message if it is not compiled in. */
const struct schedule *schedule_find(const char *name);

/**
 * schedule_lr() - learning rate of step @step (0 is the first).
 *
 * Linear from lr / (warmup + 1) to lr during the warm-up; the last step has progress 1.
 */
double schedule_lr(const struct schedule *s, const struct schedule_range *r, int64_t step);

#endif
