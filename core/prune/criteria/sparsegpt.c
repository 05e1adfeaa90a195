// SPDX-License-Identifier: MIT
/*
 * SparseGPT (Frantar and Alistarh 2023, algorithm 1): the choice is made while the weights that
 * stay are updated, a block of columns at a time: prune/obs.h.
 */
#include "prune/criterion.h"

static const struct criterion sparsegpt = {
	.name = "sparsegpt",
	.summary = "w^2 / [H^-1]_jj^2 in blocks of columns, the others updated (SparseGPT)",
	.reads = READS(WEIGHT) | READS(HESSIAN),
	.is_monotone = true,
};
CRITERION_REGISTER(sparsegpt);
