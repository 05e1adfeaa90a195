/* SPDX-License-Identifier: MIT */
#ifndef OPS_MEAN_H
#define OPS_MEAN_H

#include "tensor/graph.h"

/**
 * op_mean() - mean of all elements of an f32 or bf16 tensor: an f32 scalar (nd = 0).
 *
 * The divisor is the number of elements of the run, where sizes are extents.
 */
struct tensor *op_mean(struct graph *g, struct tensor *x);

#endif
