// SPDX-License-Identifier: MIT
/*
 * bitter4 of mcgrof/knlp: bitter3, with a sparsity that rises with the depth.
 */
#include "prune/criterion.h"

#include <math.h>

static void bitter4_score(const struct score_call *c)
{
	const float *w = c->in[PRUNE_WEIGHT];
	const float *m = c->in[PRUNE_EXP_AVG];

	for (int64_t i = 0; i < c->nr; i++)
		c->score[i] = fabsf(w[i]) * sqrtf(fabsf(m[i]) + 1e-8f);
}

static const struct criterion bitter4 = {
	.name = "bitter4",
	.summary = "|w| sqrt(|m| + 1e-8), later layers sparser",
	.note =
		"As published it counts the head among the layers; here the tensors that "
		"may be dropped are numbered.",
	.reads = READS(WEIGHT) | READS(EXP_AVG),
	.scope = "tensor",
	.alloc = "depth",
	.is_monotone = true,
	.score = bitter4_score,
};
CRITERION_REGISTER(bitter4);
