// SPDX-License-Identifier: MIT
/*
 * |w| (v + eps)^q with an epsilon that has v's own scale, the same one in all tensors.
 *
 * Adam's correction for the start, v / (1 - beta2^t), is one factor on v and on eps: it cancels
 * out of the order.  q = 0 is magnitude, 1/4 bitter7, 1/2 the order of w^2 v, that is, optimal
 * brain damage with Adam's second moment for the Fisher information.
 */
#include "prune/criteria/roots.h"
#include "prune/criterion.h"

static double scale_free_eps(const struct score_values *v)
{
	return v->eps;
}

static void score_quarter(const struct score_call *c, float eps)
{
	const float *w = c->in[PRUNE_WEIGHT], *v = c->in[PRUNE_EXP_AVG_SQ];

	for (int64_t i = 0; i < c->nr; i++)
		c->score[i] = fabsf(w[i]) * quarter_root(v[i] + eps);
}

static void score_half(const struct score_call *c, float eps)
{
	const float *w = c->in[PRUNE_WEIGHT], *v = c->in[PRUNE_EXP_AVG_SQ];

	for (int64_t i = 0; i < c->nr; i++)
		c->score[i] = fabsf(w[i]) * sqrtf(v[i] + eps);
}

static void score_any(const struct score_call *c, float eps)
{
	const float *w = c->in[PRUNE_WEIGHT], *v = c->in[PRUNE_EXP_AVG_SQ];
	float q = (float)c->values->power;

	for (int64_t i = 0; i < c->nr; i++)
		c->score[i] = fabsf(w[i]) * powf(v[i] + eps, q);
}

static void scale_free_score(const struct score_call *c)
{
	float eps = (float)c->values->eps;

	if (c->values->power == 0.25)
		score_quarter(c, eps);
	else if (c->values->power == 0.5)
		score_half(c, eps);
	else
		score_any(c, eps);
}

static const struct criterion scale_free = {
	.name = "scale_free",
	.summary = "|w| (v + eps)^q, q = PRUNE_POWER, eps = PRUNE_EPS * mean(v) of all tensors",
	.reads = READS(WEIGHT) | READS(EXP_AVG_SQ),
	.is_monotone = true,
	.eps = scale_free_eps,
	.score = scale_free_score,
};
CRITERION_REGISTER(scale_free);
