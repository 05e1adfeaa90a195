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
 * @changed: weights that the mask before said otherwise of; 0 without one
 * @regrown: those of them that came back
 * @common, @magnitude: kept by this mask and by that of |w| at the same sparsity; kept by the
 *	latter
 * @low, @high: of the finite scores; NaN where there are none
 */
struct prune_line {
	const char *name;
	int layer;
	int64_t weights, kept, changed, regrown, common, magnitude, not_finite;
	double low, high;
};

/**
 * struct prune_event - a choice.
 * @line: (@nr) tensors
 * @eps_ratio: what the criterion adds to exp_avg_sq over the median of that; NaN: nothing
 * @seconds: scores, thresholds and masks took
 * @hash: of names and masks
 */
struct prune_event {
	struct prune_line *line, all;
	int nr;
	double eps_ratio, seconds;
	char hash[HASH_HEX];
};

/**
 * prune_event_make() - look at the masks of @tensors; their weights must be there.
 *
 * Warns of an epsilon that swallows exp_avg_sq, of scores that are not finite, and of tensors
 * that the mask leaves nothing of.
 * Return: 0 and an event to free; -ENOMEM.
 */
int prune_event_make(const struct prune_choice *c, struct prune_tensor *tensors, int nr,
		     double seconds, struct prune_event *e);
void prune_event_free(struct prune_event *e);

static inline double prune_line_sparsity(const struct prune_line *l)
{
	return l->weights ? 1 - (double)l->kept / (double)l->weights : 0;
}

/** prune_line_jaccard() - of the mask and that of |w|. */
double prune_line_jaccard(const struct prune_line *l);

/** prune_hash() - of names and masks of tensors. Return: 0 or -ENOMEM. */
int prune_hash(const struct prune_tensor *tensors, int nr, char hex[HASH_HEX]);

#endif
