// SPDX-License-Identifier: MIT
/*
 * Magnitude (LeCun et al. 1990 call it the simplest; Han et al. 2015).
 */
#include "prune/criterion.h"

#include <math.h>

static void magnitude_score(const struct score_call *c)
{
	const float *w = c->in[PRUNE_WEIGHT];

	for (int64_t i = 0; i < c->nr; i++)
		c->score[i] = fabsf(w[i]);
}

static const struct criterion magnitude = {
	.name = "magnitude",
	.summary = "|w|",
	.reads = READS(WEIGHT),
	.is_monotone = true,
	.score = magnitude_score,
};
CRITERION_REGISTER(magnitude);
