// SPDX-License-Identifier: MIT
/*
 * Optimal brain surgeon (Hassibi and Stork 1993, equation 5) with the Fisher information of a
 * layer in factors, F = G x A: w^2 / ([(G + l I)^-1]_ii [(A + m I)^-1]_jj).
 */
#include "prune/criterion.h"

static void obs_kfac_score(const struct score_call *c)
{
	const float *w = c->in[PRUNE_WEIGHT];

	for (int64_t at = 0; at < c->nr; at += c->cols) {
		double g = c->inverse_g[(c->at + at) / c->cols];

		for (int64_t j = 0; j < c->cols; j++)
			c->score[at + j] = (float)((double)w[at + j] * w[at + j] /
						   (g * c->inverse_a[j]));
	}
}

static const struct criterion obs_kfac = {
	.name = "obs_kfac",
	.summary = "w^2 over the diagonal of the inverse of the K-FAC factors",
	.reads = READS(WEIGHT) | READS(KFAC),
	.is_monotone = true,
	.score = obs_kfac_score,
};
CRITERION_REGISTER(obs_kfac);
