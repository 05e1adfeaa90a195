// SPDX-License-Identifier: MIT
/*
 * bitter2 of mcgrof/knlp: magnitude, trained for longer.
 */
#include "prune/criterion.h"

#include <math.h>

static void bitter2_score(const struct score_call *c)
{
	const float *w = c->in[PRUNE_WEIGHT];

	for (int64_t i = 0; i < c->nr; i++)
		c->score[i] = fabsf(w[i]);
}

static const struct criterion bitter2 = {
	.name = "bitter2",
	.summary = "|w|: the same thing as magnitude",
	.note =
		"Its page gives |w| sqrt(v) / |m|; the code is |w|, and 21 % more steps "
		"(12,100 for 10,000), which TRAIN_TOKENS says here.",
	.reads = READS(WEIGHT),
	.is_monotone = true,
	.score = bitter2_score,
};
CRITERION_REGISTER(bitter2);
