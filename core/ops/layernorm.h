/* SPDX-License-Identifier: MIT */
#ifndef OPS_LAYERNORM_H
#define OPS_LAYERNORM_H

#include "tensor/graph.h"

/** struct layernorm_attr - @eps: added to the variance; @out: type of y, f32 or bf16. */
struct layernorm_attr {
	float eps;
	enum dtype out;
};

/**
 * op_layernorm() - normalise over the last dimension: y = (x - mean) rstd w + b.
 * @x: f32 or bf16 (..., C); rows may lie apart (a slice)
 * @w: f32 (C)
 * @b: f32 (C), or NULL: none
 * @out: type of y
 *
 * rstd = 1 / sqrt(var + eps), var the mean of (x - mean)^2.  The node's outputs 1 and 2
 * are mean and rstd (...), f32, kept for the gradient; they are not differentiable
 * themselves.
 *
 * Source: Ba, Kiros and Hinton, "Layer normalization", 2016, equations 3 and 4.
 */
struct tensor *op_layernorm(struct graph *g, struct tensor *x, struct tensor *w,
			    struct tensor *b, float eps, enum dtype out);

/**
 * op_add_layernorm() - op_layernorm() of *@x + @branch, which *@x becomes: one pass over
 * both, and one in the backward pass.
 * @x: f32 (..., C): the residual stream
 * @branch: f32 or bf16 (..., C)
 */
struct tensor *op_add_layernorm(struct graph *g, struct tensor **x, struct tensor *branch,
				struct tensor *w, struct tensor *b, float eps, enum dtype out);

/** struct layernorm_grads - what op_layernorm_grad() makes; all NULL after an error. */
struct layernorm_grads {
	struct tensor *dx;	/* shape and type of x */
	struct tensor *dw, *db;	/* f32 (C) */
	struct tensor *branch;	/* dx in bf16, or NULL if not asked for */
};

/**
 * op_layernorm_grad() - gradients of x, w and b: with xhat = (x - mean) rstd and a = dy w,
 * dx = @dsum + rstd (a - mean_C(a) - xhat mean_C(a xhat)); dw = sum over rows of dy xhat,
 * db = sum of dy, added in a fixed order.
 * @dy: f32 or bf16 (..., C); @x: (..., C); @w: (C); @mean, @rstd: (...)
 * @dsum: what arrives at x from elsewhere, of its shape and type, or NULL: nothing
 * @branch: make dx in bf16, too
 */
struct layernorm_grads op_layernorm_grad(struct graph *g, struct tensor *dy, struct tensor *x,
					 struct tensor *w, struct tensor *mean,
					 struct tensor *rstd, struct tensor *dsum, bool branch);

#endif
