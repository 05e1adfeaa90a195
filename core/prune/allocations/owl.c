// SPDX-License-Identifier: MIT
/*
 * Outlier weighed layerwise sparsity (Yin et al. 2024, section 3.2): a block is the denser, the
 * more of its |w| ||x|| are above PRUNE_OWL_M times their mean.  Shares of outliers are spread
 * over 2 PRUNE_OWL_LAMBDA, and their mean is put where the sparsity is.
 */
#include <math.h>

#include "base/fail.h"
#include "prune/allocation.h"

/* Sum and number of |w| ||x|| of a tensor, or how many are above @limit. */
static double scan(const struct prune_tensor *t, double limit, bool count)
{
	const float *w = t->in[PRUNE_WEIGHT];
	double found = 0;

	for (int64_t i = 0; i < t->rows; i++)
		for (int64_t j = 0; j < t->cols; j++) {
			double x = fabs((double)w[i * t->cols + j]) * t->norm[j];

			found += count ? x > limit : x;
		}
	return found;
}

/* Tensors [@at, @end) are a block. Return: the share of outliers. */
static double outliers(const struct alloc_call *c, int at, int end, double m)
{
	double sum = 0, above = 0, nr = 0;

	for (int i = at; i < end; i++) {
		sum += scan(&c->tensors[i], 0, false);
		nr += (double)prune_tensor_count(&c->tensors[i]);
	}
	for (int i = at; i < end; i++)
		above += scan(&c->tensors[i], m * sum / nr, true);
	return above / nr;
}

static int block_end(const struct alloc_call *c, int at)
{
	int end = at;

	while (end < c->nr && c->tensors[end].layer == c->tensors[at].layer)
		end++;
	return end;
}

/* Weighted by sizes, so that the sum is right also where blocks differ. */
static void centre(const struct alloc_call *c, double least, double most, double lambda)
{
	double sum = 0, all = 0, scale = most > least ? 2 * lambda / (most - least) : 0;

	for (int i = 0; i < c->nr; i++) {
		double nr = (double)prune_tensor_count(&c->tensors[i]);

		sum += nr * scale * (c->tensors[i].sparsity - least);
		all += nr;
	}
	for (int i = 0; i < c->nr; i++)
		c->tensors[i].sparsity = c->sparsity + sum / all -
					 scale * (c->tensors[i].sparsity - least);
}

static int check_range(const struct alloc_call *c)
{
	for (int i = 0; i < c->nr; i++)
		if (c->tensors[i].sparsity < 0 || c->tensors[i].sparsity >= 1)
			return fail(-EINVAL, "PRUNE_ALLOC=owl: %s would have a sparsity of %.3f: "
				    "take a smaller PRUNE_OWL_LAMBDA", c->tensors[i].name,
				    c->tensors[i].sparsity);
	return 0;
}

static int owl_assign(const struct alloc_call *c)
{
	double m = config_float(c->cfg, PARAM_PRUNE_OWL_M), least = INFINITY, most = -INFINITY;
	int end;

	for (int at = 0; at < c->nr; at = end) {
		double share;

		end = block_end(c, at);
		share = outliers(c, at, end, m);
		least = share < least ? share : least;
		most = share > most ? share : most;
		for (int i = at; i < end; i++)
			c->tensors[i].sparsity = share;
	}
	centre(c, least, most, config_float(c->cfg, PARAM_PRUNE_OWL_LAMBDA));
	return check_range(c);
}

static const struct allocation owl = {
	.name = "owl",
	.summary = "blocks with more outliers are denser (OWL)",
	.reads = READS(NORM),
	.assign = owl_assign,
};
ALLOCATION_REGISTER(owl);
