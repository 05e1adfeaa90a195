/* SPDX-License-Identifier: MIT */
#ifndef OPS_SQ_NORM_H
#define OPS_SQ_NORM_H

#include "tensor/graph.h"

/**
 * op_sq_norm() - sum of the squares of all elements of a tensor (f32, bf16): an f32 scalar.
 *
 * Added in double in an order that depends on the number of elements only.  Not
 * differentiable: it is for gradients and weights, see op_clip_scale().
 */
struct tensor *op_sq_norm(struct graph *g, struct tensor *x);

#endif
