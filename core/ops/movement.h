/* SPDX-License-Identifier: MIT */
#ifndef OPS_MOVEMENT_H
#define OPS_MOVEMENT_H

#include "tensor/graph.h"

/**
 * op_movement() - sum -= w g, elementwise, in place.
 * @sum, @w, @grad: f32 of one shape
 *
 * One pass over a segment of weights and their gradients.  Not differentiable.
 *
 * Source: Sanh et al., "Movement pruning: adaptive sparsity by fine-tuning", 2020, equation 6
 * without the learning rate.
 * Return: @sum after the update.
 */
struct tensor *op_movement(struct graph *g, struct tensor *sum, struct tensor *w,
			   struct tensor *grad);

#endif
