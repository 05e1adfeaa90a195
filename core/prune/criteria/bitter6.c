// SPDX-License-Identifier: MIT
/*
 * bitter6 of mcgrof/knlp.
 */
#include "prune/criterion.h"

#include <math.h>

static double bitter6_eps(const struct score_values *v)
{
	(void)v;
	return 1e-8;
}

static void bitter6_score(const struct score_call *c)
{
	const float *w = c->in[PRUNE_WEIGHT];
	const float *m = c->in[PRUNE_EXP_AVG];
	const float *v = c->in[PRUNE_EXP_AVG_SQ];

	for (int64_t i = 0; i < c->nr; i++) {
		float coherence = sqrtf(m[i] * m[i] / (v[i] + 1e-8f));

		c->score[i] = fabsf(w[i]) * sqrtf(fabsf(m[i]) + 1e-8f) * coherence;
	}
}

static const struct criterion bitter6 = {
	.name = "bitter6",
	.summary = "|w| sqrt(|m| + 1e-8) sqrt(m^2 / (v + 1e-8))",
	.note =
		"1e-8 is larger than exp_avg_sq in language models, so that the ratio is "
		"|m|.",
	.reads = READS(WEIGHT) | READS(EXP_AVG) | READS(EXP_AVG_SQ),
	.is_monotone = true,
	.eps = bitter6_eps,
	.score = bitter6_score,
};
CRITERION_REGISTER(bitter6);
