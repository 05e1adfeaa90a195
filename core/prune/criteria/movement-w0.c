// SPDX-License-Identifier: MIT
/*
 * What mcgrof/knlp calls movement: how far a weight went from where it began, along
 * itself.
 */
#include "prune/criterion.h"

static void movement_w0_score(const struct score_call *c)
{
	const float *w = c->in[PRUNE_WEIGHT];
	const float *w0 = c->in[PRUNE_INITIAL];

	for (int64_t i = 0; i < c->nr; i++)
		c->score[i] = w[i] * (w[i] - w0[i]);
}

static const struct criterion movement_w0 = {
	.name = "movement_w0",
	.summary = "w (w - w0), w0 before the training",
	.note =
		"Called movement pruning, but no gradient is summed up: it differs from "
		"Sanh et al. and from the description.",
	.reads = READS(WEIGHT) | READS(INITIAL),
	.score = movement_w0_score,
};
CRITERION_REGISTER(movement_w0);
