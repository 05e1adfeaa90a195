/* SPDX-License-Identifier: MIT */
/*
 * Linear layers.  A weight is (N, K), as in PyTorch: out features, then in features.
 * T is the type that is computed in, f32 or bf16; sums are f32 at least.
 */
#ifndef OPS_LINEAR_H
#define OPS_LINEAR_H

#include <stdbool.h>

#include "ops/accumulate.h"
#include "ops/activation.h"
#include "tensor/graph.h"

/**
 * op_linear() - y = x W^T + b.
 * @x: T (..., K)
 * @w: T (N, K)
 * @bias: f32 (N), or NULL
 *
 * Gradients: dx = dy W (op_linear_dx()), dW = dy^T x summed over rows (backward_linear()),
 * db = dy summed over rows (op_bias_grad()).
 * Return: (..., N), of x's type.
 */
struct tensor *op_linear(struct graph *g, struct tensor *x, struct tensor *w,
			 struct tensor *bias);

/** struct linear_act_attr - @act: not gated, not ACT_NONE. */
struct linear_act_attr {
	enum activation act;
};

/**
 * op_linear_act() - y = act(x W^T + b), the activation applied while the sums are in cache.
 *
 * The node's second output is the value before the activation, for the gradient.  Where y
 * goes into a linear layer, that layer's op_linear_dx_act() gives its gradient.
 * Return: (..., N), of x's type.
 */
struct tensor *op_linear_act(struct graph *g, struct tensor *x, struct tensor *w,
			     struct tensor *bias, enum activation act);

/**
 * backward_linear() - for gradient rules: the whole weight gradient of y = x W^T.
 * @x: (..., K), @dy: (..., N), @w: (N, K)
 *
 * Records it, asks the tap, and makes the linear_dw node unless the tap took its place.
 */
void backward_linear(struct backward *b, struct tensor *w, struct tensor *x,
		     struct tensor *dy);

/** op_linear_dx() - dx = dy W. @dy: T (..., N), @w: T (N, K). Return: (..., K), as dy. */
struct tensor *op_linear_dx(struct graph *g, struct tensor *dy, struct tensor *w);

/** op_linear_dx_act() - (dy W) act'(@before): the gradient before an activation. @before: T. */
struct tensor *op_linear_dx_act(struct graph *g, struct tensor *dy, struct tensor *w,
				struct tensor *before, enum activation act);

/**
 * op_linear_dw() - dW = dy^T x, summed over rows; accumulated in place if @prev is given.
 * @x: T (..., K)
 * @dy: T (..., N), the same rows
 * @prev: f32 (N, K), updated in place, or NULL: a fresh tensor
 * @flag: i32 scalar, or NULL; with @always_add: struct accumulate_attr
 *
 * Return: f32 (N, K), @prev after the update if it was given.
 */
struct tensor *op_linear_dw(struct graph *g, struct tensor *x, struct tensor *dy,
			    struct tensor *prev, struct tensor *flag, bool always_add);

/** op_bias_grad() - @dy: T (..., N). Return: f32 (N), the sum over all rows. */
struct tensor *op_bias_grad(struct graph *g, struct tensor *dy);

#endif
