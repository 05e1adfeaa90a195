// SPDX-License-Identifier: MIT
/*
 * Optimal brain damage (LeCun, Denker and Solla 1990, equation 5) with the Fisher
 * information for the curvature: w^2 F / 2; the half does not matter.
 */
#include "prune/criterion.h"

static void obd_score(const struct score_call *c)
{
	const float *w = c->in[PRUNE_WEIGHT];
	const float *f = c->in[PRUNE_FISHER];

	for (int64_t i = 0; i < c->nr; i++)
		c->score[i] = w[i] * w[i] * f[i];
}

static const struct criterion obd = {
	.name = "obd",
	.summary = "w^2 F (optimal brain damage)",
	.reads = READS(WEIGHT) | READS(FISHER),
	.is_monotone = true,
	.score = obd_score,
};
CRITERION_REGISTER(obd);
