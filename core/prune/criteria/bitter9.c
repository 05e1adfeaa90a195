// SPDX-License-Identifier: MIT
/*
 * bitter9 of mcgrof/knlp: the formula of bitter8, compiled.
 */
#include "prune/criteria/roots.h"
#include "prune/criterion.h"

static double bitter9_eps(const struct score_values *v)
{
	(void)v;
	return 1e-5;
}

static void bitter9_score(const struct score_call *c)
{
	const float *w = c->in[PRUNE_WEIGHT];
	const float *v = c->in[PRUNE_EXP_AVG_SQ];

	for (int64_t i = 0; i < c->nr; i++)
		c->score[i] = half_round(half_round(fabsf(w[i])) * half_quarter_root(v[i]));
}

static const struct criterion bitter9 = {
	.name = "bitter9",
	.summary = "half(|w|) rsqrt(rsqrt(half(v) + 1e-5)): the same as bitter8",
	.note =
		"Pages, and one version of the code, have |w| sqrt(|m| + 1e-8) - 0.1 "
		"movement, with the sign of bitter5.",
	.reads = READS(WEIGHT) | READS(EXP_AVG_SQ),
	.is_monotone = true,
	.eps = bitter9_eps,
	.score = bitter9_score,
};
CRITERION_REGISTER(bitter9);
