/* SPDX-License-Identifier: MIT */
/*
 * Which parameters of a model may be pruned.
 */
#ifndef PRUNE_TARGETS_H
#define PRUNE_TARGETS_H

#include "base/config.h"

struct model;

/**
 * prune_targets() - numbers of the parameters of @m that PRUNE_INCLUDE, PRUNE_EXCLUDE and
 * PRUNE_TABLES leave, in the order of the model: matrices; tables of tokens and the head with
 * PRUNE_TABLES; tables of positions, norms and biases never.
 * @index: free it
 *
 * Return: how many; -EINVAL naming the expression that is none, or matches nothing; -ENOMEM.
 */
int prune_targets(const struct model *m, const struct config *cfg, int **index);

/** prune_layer() - number of the block that @name belongs to ("h.3.attn"); -1: none. */
int prune_layer(const char *name);

#endif
