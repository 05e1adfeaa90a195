/* SPDX-License-Identifier: MIT */
#ifndef OPS_MAX_LAST_H
#define OPS_MAX_LAST_H

#include "tensor/graph.h"

/**
 * op_max_last() - maxima over the last dimension: (..., n), f32 or bf16, to f32 (...).
 *
 * NaN if the row has one.  Not differentiable.
 */
struct tensor *op_max_last(struct graph *g, struct tensor *x);

#endif
