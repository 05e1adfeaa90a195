/* SPDX-License-Identifier: MIT */
/*
 * What a choice of masks did, in numbers: for the table of `knlp prune`, and for the log of a
 * training that prunes.
 */
#ifndef PRUNE_EVENT_H
#define PRUNE_EVENT_H

#include "base/hash.h"
#include "prune/choose.h"

/**
 * struct prune_line - of a tensor, or of all.
 * @before: kept by the mask before; all without one
 * @changed: weights that the mask before said otherwise of; 0 without one
 * @regrown: those of them that came back
 * @common, @magnitude: kept by this mask and by that of |w| at the same sparsity; kept by the
 *	latter
 * @low, @high: of the finite scores; NaN where there are none
 */
struct prune_line {
	const char *name;
	int layer;
	int64_t weights, before, kept, changed, regrown, common, magnitude, not_finite;
	double low, high;
};

/**
 * struct prune_event - a choice.
 * @line: (@nr) tensors
 * @asked: weights that sparsity and scope say are to be dropped
 * @eps_ratio: what the criterion adds to exp_avg_sq over the median of that, of weights that
 *	were not dropped before; NaN: nothing
 * @seconds: scores, thresholds and masks took
 * @hash: of names and masks
 */
struct prune_event {
	struct prune_line *line, all;
	int nr;
	int64_t asked;
	double eps_ratio, seconds;
	char hash[HASH_HEX];
};

/**
 * prune_event_make() - look at the masks of @tensors; their weights must be there.
 * Return: 0 and an event to free; -ENOMEM.
 */
int prune_event_make(const struct prune_choice *c, struct prune_tensor *tensors, int nr,
		     double seconds, struct prune_event *e);
void prune_event_free(struct prune_event *e);

/**
 * prune_event_warn() - of an epsilon that swallows exp_avg_sq, of scores that are not finite,
 * and of a sparsity that is not what was asked for.
 */
void prune_event_warn(const struct criterion *c, const struct prune_event *e);

/** prune_event_check() - -EINVAL naming a tensor that the mask leaves nothing of. */
int prune_event_check(const struct prune_event *e);

static inline double prune_line_sparsity(const struct prune_line *l)
{
	return l->weights ? 1 - (double)l->kept / (double)l->weights : 0;
}

/** prune_line_jaccard() - of the mask and that of |w|. */
double prune_line_jaccard(const struct prune_line *l);

/**
 * prune_line_fresh() - Jaccard of what this choice dropped and what |w| would have dropped
 * now.  What was dropped before is in both masks, and makes them look alike.
 * Return: NaN where nothing was dropped, or something came back.
 */
double prune_line_fresh(const struct prune_line *l);

/** prune_hash() - of names and masks of tensors. Return: 0 or -ENOMEM. */
int prune_hash(const struct prune_tensor *tensors, int nr, char hex[HASH_HEX]);

#endif
