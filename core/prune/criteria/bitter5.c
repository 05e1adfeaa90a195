// SPDX-License-Identifier: MIT
/*
 * bitter5 of mcgrof/knlp, sign and all.
 */
#include "prune/criterion.h"

#include <math.h>

static void bitter5_score(const struct score_call *c)
{
	const float *w = c->in[PRUNE_WEIGHT];
	const float *m = c->in[PRUNE_EXP_AVG];
	const float *v = c->in[PRUNE_EXP_AVG_SQ];

	for (int64_t i = 0; i < c->nr; i++) {
		float sign = (float)((w[i] > 0) - (w[i] < 0));
		float movement = -(sign * m[i]) / (sqrtf(v[i]) + 1e-8f);

		c->score[i] = -movement + fabsf(w[i]) * 0.1f;
	}
}

static const struct criterion bitter5 = {
	.name = "bitter5",
	.summary = "sign(w) m / (sqrt(v) + 1e-8) + 0.1 |w|",
	.note =
		"Described as keeping weights that move away from zero. Adam moves w by "
		"-m, so sign(w) m > 0 means towards zero: the code keeps those. 0.1 |w| "
		"is small beside the ratio.",
	.reads = READS(WEIGHT) | READS(EXP_AVG) | READS(EXP_AVG_SQ),
	.score = bitter5_score,
};
CRITERION_REGISTER(bitter5);
