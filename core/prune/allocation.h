/* SPDX-License-Identifier: MIT */
/*
 * Allocations: how much of a sparsity each tensor bears.  One file each, in
 * core/prune/allocations/.
 */
#ifndef PRUNE_ALLOCATION_H
#define PRUNE_ALLOCATION_H

#include <stdbool.h>

#include "base/config.h"
#include "prune/choose.h"

/**
 * struct alloc_call - what an allocation is told.
 * @sparsity: of all tensors together
 * @cfg: PRUNE_ parameters of its own
 * @choice: criterion and values, for those that read scores
 */
struct alloc_call {
	double sparsity;
	const struct config *cfg;
	const struct prune_choice *choice;
	struct prune_tensor *tensors;
	int nr;
};

/**
 * struct allocation - an allocation.
 * @reads: inputs besides those of the criterion, READS(...)
 * @reads_scores: the criterion must have scores
 * @assign: set each tensor's sparsity, so that the sum is that of @c.  Return: 0; -EINVAL
 *	naming what cannot be reached; -errno
 */
struct allocation {
	const char *name;
	const char *summary;
	unsigned int reads;
	bool reads_scores;
	int (*assign)(const struct alloc_call *c);
};

#define ALLOCATION_REGISTER(var) SECTION_ENTRY(knlp_allocations, struct allocation, var)

/** allocation_table() - all, sorted. */
const struct registry *allocation_table(void);

/** allocation_find() - by name; NULL with a message. */
const struct allocation *allocation_find(const char *name);

/** allocation_spread() - set sparsities to the same number. */
static inline void allocation_spread(const struct alloc_call *c, double sparsity)
{
	for (int i = 0; i < c->nr; i++)
		c->tensors[i].sparsity = sparsity;
}

#endif
