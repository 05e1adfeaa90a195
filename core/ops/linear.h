/* SPDX-License-Identifier: MIT */
/*
 * Linear layers.  A weight is (N, K), as in PyTorch: out features, then in features.
 */
#ifndef OPS_LINEAR_H
#define OPS_LINEAR_H

#include <stdbool.h>

#include "ops/accumulate.h"
#include "tensor/graph.h"

/**
 * op_linear() - y = x W^T + b.
 * @x: f32 (..., K)
 * @w: f32 (N, K)
 * @bias: f32 (N), or NULL
 *
 * Gradients: dx = dy W (op_linear_dx()), dW = dy^T x summed over rows (backward_linear()),
 * db = dy summed over rows (op_bias_grad()).
 * Return: f32 (..., N).
 */
struct tensor *op_linear(struct graph *g, struct tensor *x, struct tensor *w,
			 struct tensor *bias);

/**
 * backward_linear() - for gradient rules: the whole weight gradient of y = x W^T.
 * @x: (..., K), @dy: (..., N), @w: (N, K)
 *
 * Records it, asks the tap, and makes the linear_dw node unless the tap took its place.
 */
void backward_linear(struct backward *b, struct tensor *w, struct tensor *x,
		     struct tensor *dy);

/** op_linear_dx() - dx = dy W. @dy: f32 (..., N), @w: f32 (N, K). Return: f32 (..., K). */
struct tensor *op_linear_dx(struct graph *g, struct tensor *dy, struct tensor *w);

/**
 * op_linear_dw() - dW = dy^T x, summed over rows; accumulated in place if @prev is given.
 * @x: f32 (..., K)
 * @dy: f32 (..., N), the same rows
 * @prev: f32 (N, K), updated in place, or NULL: a fresh tensor
 * @flag: i32 scalar, or NULL; with @always_add: struct accumulate_attr
 *
 * Return: f32 (N, K), @prev after the update if it was given.
 */
struct tensor *op_linear_dw(struct graph *g, struct tensor *x, struct tensor *dy,
			    struct tensor *prev, struct tensor *flag, bool always_add);

/** op_bias_grad() - @dy: f32 (..., N). Return: f32 (N), the sum over all rows. */
struct tensor *op_bias_grad(struct graph *g, struct tensor *dy);

#endif
