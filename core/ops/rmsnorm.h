/* SPDX-License-Identifier: MIT */
#ifndef OPS_RMSNORM_H
#define OPS_RMSNORM_H

#include "tensor/graph.h"

/** struct rmsnorm_attr - @eps: added to the mean square. */
struct rmsnorm_attr {
	float eps;
};

/**
 * op_rmsnorm() - scale rows to a root mean square of 1: y = x rstd w.
 * @x: f32 (..., C), for QK-norm (B, T, H, D); rows may lie apart (a slice)
 * @w: f32 (C)
 *
 * rstd = 1 / sqrt(mean(x^2) + eps).  The node's output 1 is rstd (...), kept for the
 * gradient; it is not differentiable itself.
 *
 * Source: Zhang and Sennrich, "Root mean square layer normalization", 2019, equation 4.
 */
struct tensor *op_rmsnorm(struct graph *g, struct tensor *x, struct tensor *w, float eps);

/**
 * op_rmsnorm_dx() - gradient of x: with xhat = x rstd and a = dy w,
 * dx = rstd (a - xhat mean_C(a xhat)).
 * @dy, @x: (..., C); @w: (C); @rstd: (...)
 */
struct tensor *op_rmsnorm_dx(struct graph *g, struct tensor *dy, struct tensor *x,
			     struct tensor *w, struct tensor *rstd);

/** op_rmsnorm_dw() - gradient of w (C): sum over rows of dy xhat, in a fixed order. */
struct tensor *op_rmsnorm_dw(struct graph *g, struct tensor *dy, struct tensor *x,
			     struct tensor *rstd);

#endif
