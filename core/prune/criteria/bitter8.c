// SPDX-License-Identifier: MIT
/*
 * bitter8 of mcgrof/knlp: bitter7 in halves, without a power.
 */
#include "prune/criteria/roots.h"
#include "prune/criterion.h"

static double bitter8_eps(const struct score_values *v)
{
	(void)v;
	return 1e-5;
}

static void bitter8_score(const struct score_call *c)
{
	const float *w = c->in[PRUNE_WEIGHT];
	const float *v = c->in[PRUNE_EXP_AVG_SQ];

	for (int64_t i = 0; i < c->nr; i++)
		c->score[i] = half_round(half_round(fabsf(w[i])) * half_quarter_root(v[i]));
}

static const struct criterion bitter8 = {
	.name = "bitter8",
	.summary = "half(|w|) rsqrt(rsqrt(half(v) + 1e-5))",
	.note =
		"Pages define it in three other ways, among them |w| sqrt(|m| / (1 - "
		"beta1^t)), which one version of the code has. In halves exp_avg_sq of a "
		"language model is 0, and 1e-5 is far above it: this is |w|, rounded.",
	.reads = READS(WEIGHT) | READS(EXP_AVG_SQ),
	.is_monotone = true,
	.eps = bitter8_eps,
	.score = bitter8_score,
};
CRITERION_REGISTER(bitter8);
