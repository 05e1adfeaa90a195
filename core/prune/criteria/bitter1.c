// SPDX-License-Identifier: MIT
/*
 * bitter1 of mcgrof/knlp: magnitude.
 */
#include "prune/criterion.h"

#include <math.h>

static void bitter1_score(const struct score_call *c)
{
	const float *w = c->in[PRUNE_WEIGHT];

	for (int64_t i = 0; i < c->nr; i++)
		c->score[i] = fabsf(w[i]);
}

static const struct criterion bitter1 = {
	.name = "bitter1",
	.summary = "|w|: the same thing as magnitude",
	.note = "Its page gives |w| / (|m| + eps); the code is |w|.",
	.reads = READS(WEIGHT),
	.is_monotone = true,
	.score = bitter1_score,
};
CRITERION_REGISTER(bitter1);
