// SPDX-License-Identifier: MIT
/*
 * Erdos-Renyi kernel (Evci et al. 2020, section 3): the density of a tensor is proportional
 * to (rows + columns) / (rows * columns); those that would be more than dense are dense.
 */
#include <stdlib.h>

#include "base/fail.h"
#include "prune/allocation.h"

/* Weights per unit of density: rows + columns each. */
static double factor(const struct alloc_call *c, const bool *dense, double *fixed)
{
	double kept = 0, unit = 0;

	*fixed = 0;
	for (int i = 0; i < c->nr; i++) {
		const struct prune_tensor *t = &c->tensors[i];

		kept += (1 - c->sparsity) * (double)prune_tensor_count(t);
		if (dense[i])
			*fixed += (double)prune_tensor_count(t);
		else
			unit += (double)(t->rows + t->cols);
	}
	return unit > 0 ? (kept - *fixed) / unit : 0;
}

static int erk_assign(const struct alloc_call *c)
{
	bool *dense = calloc(c->nr + 1, sizeof(*dense)), again = true;
	double scale, fixed;

	if (!dense)
		return fail_nomem(c->nr * sizeof(*dense), "sparsities");
	while (again) {
		again = false;
		scale = factor(c, dense, &fixed);
		for (int i = 0; i < c->nr; i++) {
			struct prune_tensor *t = &c->tensors[i];
			double share = scale * (double)(t->rows + t->cols) /
				       (double)prune_tensor_count(t);

			t->sparsity = dense[i] ? 0 : 1 - share;
			if (!dense[i] && share > 1)
				again = dense[i] = true;
		}
	}
	free(dense);
	return 0;
}

static const struct allocation erk = {
	.name = "erk",
	.summary = "density as (rows + columns) / (rows * columns) (Erdos-Renyi kernel)",
	.assign = erk_assign,
};
ALLOCATION_REGISTER(erk);
