/* SPDX-License-Identifier: MIT */
#ifndef OPS_RMSNORM_H
#define OPS_RMSNORM_H

#include "tensor/graph.h"

/** struct rmsnorm_attr - @eps: added to the mean square; @out: type of y, f32 or bf16. */
struct rmsnorm_attr {
	float eps;
	enum dtype out;
};

/**
 * op_rmsnorm() - normalise over the last dimension: y = x rstd w.
 * @x: f32 or bf16 (..., C); rows may lie apart (a slice, heads of a projection)
 * @w: f32 (C)
 * @out: type of y
 *
 * rstd = 1 / sqrt(mean of x^2 + eps).  The node's output 1 is rstd (...), f32, kept for
 * the gradient; it is not differentiable itself.
 *
 * Source: Zhang and Sennrich, "Root mean square layer normalization", 2019, equation 4.
 */
struct tensor *op_rmsnorm(struct graph *g, struct tensor *x, struct tensor *w, float eps,
			  enum dtype out);

/**
 * op_add_rmsnorm() - op_rmsnorm() of *@x + @branch, which *@x becomes: one pass over
 * both, and one in the backward pass.
 * @x: f32 (..., C): the residual stream
 * @branch: f32 or bf16 (..., C)
 */
struct tensor *op_add_rmsnorm(struct graph *g, struct tensor **x, struct tensor *branch,
			      struct tensor *w, float eps, enum dtype out);

/** struct rmsnorm_grads - what op_rmsnorm_grad() makes; all NULL after an error. */
struct rmsnorm_grads {
	struct tensor *dx;	/* shape and type of x */
	struct tensor *dw;	/* f32 (C) */
	struct tensor *branch;	/* dx in bf16, or NULL if not asked for */
};

/**
 * op_rmsnorm_grad() - gradients of x and w: with a = dy w,
 * dx = @dsum + rstd (a - x rstd mean_C(a x rstd)); dw = sum over rows of dy x rstd, added
 * in a fixed order.
 * @dy: f32 or bf16 (..., C); @x: (..., C); @w: (C); @rstd: (...)
 * @dsum: what arrives at x from elsewhere, of its shape and type, or NULL: nothing
 * @branch: make dx in bf16, too
 */
struct rmsnorm_grads op_rmsnorm_grad(struct graph *g, struct tensor *dy, struct tensor *x,
				     struct tensor *w, struct tensor *rstd,
				     struct tensor *dsum, bool branch);

#endif
