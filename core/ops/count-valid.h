/* SPDX-License-Identifier: MIT */
#ifndef OPS_COUNT_VALID_H
#define OPS_COUNT_VALID_H

#include "tensor/graph.h"

/**
 * op_count_valid() - how many targets are not ignored (>= 0).
 * @targets: i32 of any shape
 *
 * Return: an f32 scalar, exact up to 2^24.  Not differentiable.
 */
struct tensor *op_count_valid(struct graph *g, struct tensor *targets);

#endif
