// SPDX-License-Identifier: MIT
/*
 * bitter7 of mcgrof/knlp: the variant of the published 15.6 %.
 */
#include "prune/criteria/roots.h"
#include "prune/criterion.h"

static double bitter7_eps(const struct score_values *v)
{
	(void)v;
	return 1e-8;
}

static void bitter7_score(const struct score_call *c)
{
	const float *w = c->in[PRUNE_WEIGHT];
	const float *v = c->in[PRUNE_EXP_AVG_SQ];

	for (int64_t i = 0; i < c->nr; i++)
		c->score[i] = fabsf(w[i]) * quarter_root(fabsf(v[i]) + 1e-8f);
}

static const struct criterion bitter7 = {
	.name = "bitter7",
	.summary = "|w| (|v| + 1e-8)^(1/4)",
	.note =
		"Until 2025-11-06 the code was |w| / sqrt(v), the other way round, and "
		"its help text still says so. 1e-8 lies inside the root: where exp_avg_sq "
		"is smaller, this is |w|.",
	.reads = READS(WEIGHT) | READS(EXP_AVG_SQ),
	.is_monotone = true,
	.eps = bitter7_eps,
	.score = bitter7_score,
};
CRITERION_REGISTER(bitter7);
