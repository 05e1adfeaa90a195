/* SPDX-License-Identifier: MIT */
#ifndef OPS_SUM_H
#define OPS_SUM_H

#include "tensor/graph.h"

/**
 * op_sum() - sum of all elements of an f32 or bf16 tensor: an f32 scalar (nd = 0).
 *
 * Added in double in an order that depends on the number of elements only.
 */
struct tensor *op_sum(struct graph *g, struct tensor *x);

#endif
