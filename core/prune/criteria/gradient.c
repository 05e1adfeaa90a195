// SPDX-License-Identifier: MIT
/*
 * Magnitude of the gradient. It is that of the whole weight matrix, so that dropped
 * weights have one, too.
 */
#include "prune/criterion.h"

#include <math.h>

static void gradient_score(const struct score_call *c)
{
	const float *g = c->in[PRUNE_GRADIENT];

	for (int64_t i = 0; i < c->nr; i++)
		c->score[i] = fabsf(g[i]);
}

static const struct criterion gradient = {
	.name = "gradient",
	.summary = "|g| of the mean loss",
	.reads = READS(GRADIENT),
	.score = gradient_score,
};
CRITERION_REGISTER(gradient);
