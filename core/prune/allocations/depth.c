// SPDX-License-Identifier: MIT
/*
 * What came with bitter4 of mcgrof/knlp: 0.7 of the sparsity in the first tensor, 1.3 in the
 * last, at most 0.95.  As coded the sum is not that of the sparsity where tensors differ in
 * size; here all are scaled alike until it is.
 */
#include "base/fail.h"
#include "prune/allocation.h"

#define MOST 0.95

static double share_at(const struct alloc_call *c, int i, double scale)
{
	double place = c->nr > 1 ? (double)i / (c->nr - 1) : 0;
	double s = scale * c->sparsity * (0.7 + 0.6 * place);

	return s < MOST ? s : MOST;
}

/* Share of all weights that is dropped with this scale. */
static double dropped_at(const struct alloc_call *c, double scale)
{
	double dropped = 0, all = 0;

	for (int i = 0; i < c->nr; i++) {
		double nr = (double)prune_tensor_count(&c->tensors[i]);

		dropped += nr * share_at(c, i, scale);
		all += nr;
	}
	return dropped / all;
}

static int depth_assign(const struct alloc_call *c)
{
	double low = 0, high = 1 / c->sparsity * 2;

	if (c->sparsity > MOST)
		return fail(-EINVAL, "PRUNE_ALLOC=depth: a sparsity of %g is above its most, %g",
			    c->sparsity, MOST);
	for (int i = 0; i < 100; i++) {
		double middle = (low + high) / 2;

		if (dropped_at(c, middle) < c->sparsity)
			low = middle;
		else
			high = middle;
	}
	for (int i = 0; i < c->nr; i++)
		c->tensors[i].sparsity = share_at(c, i, high);
	return 0;
}

static const struct allocation depth = {
	.name = "depth",
	.summary = "0.7 of it in the first tensor, 1.3 in the last (bitter4)",
	.assign = depth_assign,
};
ALLOCATION_REGISTER(depth);
