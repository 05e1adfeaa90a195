// SPDX-License-Identifier: MIT
#include "prune/allocation.h"

static int uniform_assign(const struct alloc_call *c)
{
	allocation_spread(c, c->sparsity);
	return 0;
}

static const struct allocation uniform = {
	.name = "uniform",
	.summary = "the same for all tensors",
	.assign = uniform_assign,
};
ALLOCATION_REGISTER(uniform);
