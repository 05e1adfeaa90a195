/* SPDX-License-Identifier: MIT */
#ifndef OPS_CLIP_SCALE_H
#define OPS_CLIP_SCALE_H

#include "tensor/graph.h"

/** struct clip_scale_attr - @max_norm: 0: never clip. */
struct clip_scale_attr {
	float max_norm;
};

/**
 * op_clip_scale() - by what to multiply a gradient so that its norm is @max_norm at most.
 * @sq_norms: 1 to MAX_IN scalars, the sums of squares of its parts (op_sq_norm())
 *
 * Return: an f32 scalar, min(1, max_norm / (norm + 1e-6)) with norm the root of the sum of
 * @sq_norms, as PyTorch's clip_grad_norm_(); NaN if the norm is NaN, 1 if @max_norm is 0.
 */
struct tensor *op_clip_scale(struct graph *g, struct tensor *const *sq_norms, int nr,
			     float max_norm);

#endif
