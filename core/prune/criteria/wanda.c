// SPDX-License-Identifier: MIT
/*
 * Wanda (Sun et al. 2024, equation 1): |W_ij| ||X_j||_2, compared within a row.
 */
#include "prune/criterion.h"

#include <math.h>

static void wanda_score(const struct score_call *c)
{
	const float *w = c->in[PRUNE_WEIGHT];

	for (int64_t at = 0; at < c->nr; at += c->cols)
		for (int64_t j = 0; j < c->cols; j++)
			c->score[at + j] = fabsf(w[at + j]) * c->norm[j];
}

static const struct criterion wanda = {
	.name = "wanda",
	.summary = "|w| times the norm of its input (Wanda)",
	.reads = READS(WEIGHT) | READS(NORM),
	.scope = "row",
	.is_monotone = true,
	.score = wanda_score,
};
CRITERION_REGISTER(wanda);
