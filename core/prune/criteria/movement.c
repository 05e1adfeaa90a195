// SPDX-License-Identifier: MIT
/*
 * Movement pruning (Sanh, Wolf and Rush 2020, equation 4): the score of a weight is
 * the sum of -w dL/dw over the steps. Weights that move away from 0 are kept.
 */
#include "prune/criterion.h"

static void movement_score(const struct score_call *c)
{
	const float *s = c->in[PRUNE_MOVEMENT];

	for (int64_t i = 0; i < c->nr; i++)
		c->score[i] = s[i];
}

static const struct criterion movement = {
	.name = "movement",
	.summary = "sum of -w g over the training (movement pruning)",
	.reads = READS(MOVEMENT),
	.score = movement_score,
};
CRITERION_REGISTER(movement);
