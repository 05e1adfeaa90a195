/* SPDX-License-Identifier: MIT */
#ifndef OPS_SUM_TO_H
#define OPS_SUM_TO_H

#include "tensor/graph.h"

/** struct sum_to_attr - @nd: how many of the last dimensions stay. */
struct sum_to_attr {
	int nd;
};

/**
 * op_sum_to() - sum over the leading dimensions, in a fixed order.
 * @x: f32 or bf16 (..., n_1, ..., n_nd) -> f32 (n_1, ..., n_nd)
 *
 * The gradient of an operand that was broadcast along leading dimensions.
 */
struct tensor *op_sum_to(struct graph *g, struct tensor *x, int nd);

#endif
