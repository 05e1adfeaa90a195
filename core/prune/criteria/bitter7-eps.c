// SPDX-License-Identifier: MIT
/*
 * bitter7 with the epsilon that 1e-8 was for GPT-2. Gradients that are clipped to norm
 * 1 have squares of 1 / N on average, N the parameters of the model: epsilon scales
 * likewise.
 */
#include "prune/criteria/roots.h"
#include "prune/criterion.h"

static double bitter7_eps_eps(const struct score_values *v)
{
	return 1e-8 * 124.4e6 / (double)v->parameters;
}

static void bitter7_eps_score(const struct score_call *c)
{
	const float *w = c->in[PRUNE_WEIGHT];
	const float *v = c->in[PRUNE_EXP_AVG_SQ];
	float eps = (float)bitter7_eps_eps(c->values);

	for (int64_t i = 0; i < c->nr; i++)
		c->score[i] = fabsf(w[i]) * quarter_root(fabsf(v[i]) + eps);
}

static const struct criterion bitter7_eps = {
	.name = "bitter7_eps",
	.summary = "|w| (v + eps)^(1/4), eps = 1e-8 * 124.4e6 / parameters",
	.note =
		"Not published: what bitter7 is at the size of GPT-2, for a model of "
		"another size.",
	.reads = READS(WEIGHT) | READS(EXP_AVG_SQ),
	.is_monotone = true,
	.eps = bitter7_eps_eps,
	.score = bitter7_eps_score,
};
CRITERION_REGISTER(bitter7_eps);
