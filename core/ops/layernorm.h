/* SPDX-License-Identifier: MIT */
#ifndef OPS_LAYERNORM_H
#define OPS_LAYERNORM_H

#include "tensor/graph.h"

/** struct layernorm_attr - @eps: added to the variance. */
struct layernorm_attr {
	float eps;
};

/**
 * op_layernorm() - normalise over the last dimension: y = (x - mean) rstd w + b.
 * @x: f32 (..., C); rows may lie apart (a slice)
 * @w: f32 (C)
 * @b: f32 (C), or NULL: none
 *
 * rstd = 1 / sqrt(var + eps), var the mean of (x - mean)^2.  The node's outputs 1 and 2
 * are mean and rstd (...), kept for the gradient; they are not differentiable themselves.
 *
 * Source: Ba, Kiros and Hinton, "Layer normalization", 2016, equations 3 and 4.
 */
struct tensor *op_layernorm(struct graph *g, struct tensor *x, struct tensor *w,
			    struct tensor *b, float eps);

/**
 * op_layernorm_dx() - gradient of x: with xhat = (x - mean) rstd and a = dy w,
 * dx = rstd (a - mean_C(a) - xhat mean_C(a xhat)).
 * @dy, @x: (..., C); @w: (C); @mean, @rstd: (...)
 */
struct tensor *op_layernorm_dx(struct graph *g, struct tensor *dy, struct tensor *x,
			       struct tensor *w, struct tensor *mean, struct tensor *rstd);

/**
 * op_layernorm_dw() - gradients of w and b: dw = sum over rows of dy xhat, db = sum of dy,
 * added in a fixed order.  Return: dw (C); *@db (C) is set (to NULL after an error).
 */
struct tensor *op_layernorm_dw(struct graph *g, struct tensor *dy, struct tensor *x,
			       struct tensor *mean, struct tensor *rstd, struct tensor **db);

#endif
