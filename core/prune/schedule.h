/* SPDX-License-Identifier: MIT */
/*
 * When a training prunes, and how much.
 *
 * Masks are chosen behind steps START + k PRUNE_INTERVAL, k = 1, 2, ..., and behind END; START
 * and END are PRUNE_START and PRUNE_END in steps.  After so many steps the sparsity is
 * PRUNE_SPARSITY times a share f(p), p = (step - START) / (END - START):
 *
 *	cubic_zg	1 - (1 - p)^3	Zhu and Gupta, "To prune, or not to prune", 2017, eq. 1
 *	cubic_late	p^3		what the bitter variants were published with
 *	linear		p
 *	one_shot	1
 *
 * So nothing differs from a training without pruning before step START + 1, and from END on
 * the masks stay what they are.
 */
#ifndef PRUNE_SCHEDULE_H
#define PRUNE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"

enum prune_ramp {
	RAMP_NONE, RAMP_CUBIC_ZG, RAMP_CUBIC_LATE, RAMP_LINEAR, RAMP_ONE_SHOT, RAMP_KEEP, RAMPS
};

/**
 * struct prune_schedule - PRUNE_SCHEDULE and what belongs to it.
 * @start, @end: in steps
 */
struct prune_schedule {
	enum prune_ramp ramp;
	int64_t start, end, interval;
};

/**
 * prune_schedule_read() - from @cfg.
 * Return: 0; -EINVAL naming the parameters that do not fit each other.
 */
int prune_schedule_read(const struct config *cfg, struct prune_schedule *s);

/** prune_schedule_is_due() - are masks chosen behind step @step, the first being 1? */
bool prune_schedule_is_due(const struct prune_schedule *s, int64_t step);

/** prune_schedule_first() - the first such step. */
int64_t prune_schedule_first(const struct prune_schedule *s);

/** prune_schedule_way() - p, from 0 to 1. */
double prune_schedule_way(const struct prune_schedule *s, int64_t step);

/** prune_schedule_share() - f(p). */
double prune_schedule_share(const struct prune_schedule *s, int64_t step);

#endif
