/* SPDX-License-Identifier: MIT */
#ifndef OPS_SQUARE_ACCUMULATE_H
#define OPS_SQUARE_ACCUMULATE_H

#include <stdbool.h>

#include "tensor/graph.h"

/**
 * op_square_accumulate() - sum = (add ? sum : 0) + x^2, elementwise, in place.
 * @sum, @x: f32 of one shape
 * @flag: i32 scalar, or NULL: struct accumulate_attr
 *
 * One pass over a segment of gradients: a step of a Fisher estimate (core/fim/).  Not
 * differentiable.
 * Return: @sum after the update.
 */
struct tensor *op_square_accumulate(struct graph *g, struct tensor *sum, struct tensor *x,
				    struct tensor *flag, bool always_add);

#endif
