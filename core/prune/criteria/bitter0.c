// SPDX-License-Identifier: MIT
/*
 * |w m| * |w| / (sqrt(v) + 1e-8), as the adaptive pruning of mcgrof/knlp computes it.
 */
#include "prune/criterion.h"

#include <math.h>

static void bitter0_score(const struct score_call *c)
{
	const float *w = c->in[PRUNE_WEIGHT];
	const float *m = c->in[PRUNE_EXP_AVG];
	const float *v = c->in[PRUNE_EXP_AVG_SQ];

	for (int64_t i = 0; i < c->nr; i++)
		c->score[i] = fabsf(w[i] * m[i]) * (fabsf(w[i]) / (sqrtf(v[i]) + 1e-8f));
}

static const struct criterion bitter0 = {
	.name = "bitter0",
	.summary = "w^2 |m| / (sqrt(v) + 1e-8)",
	.note = "An early README gave another formula.",
	.reads = READS(WEIGHT) | READS(EXP_AVG) | READS(EXP_AVG_SQ),
	.is_monotone = true,
	.score = bitter0_score,
};
CRITERION_REGISTER(bitter0);
