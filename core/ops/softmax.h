/* SPDX-License-Identifier: MIT */
#ifndef OPS_SOFTMAX_H
#define OPS_SOFTMAX_H

#include "tensor/graph.h"

/**
 * op_softmax() - y = exp(x - max x) / sum exp(x - max x) over the last dimension.
 * @x: (..., N) f32
 *
 * A row of nothing but -Inf gives NaN.  Return: shape of @x.
 */
struct tensor *op_softmax(struct graph *g, struct tensor *x);

/** op_softmax_grad() - dx = @y (@dy - sum @dy @y), the sum over the last dimension. */
struct tensor *op_softmax_grad(struct graph *g, struct tensor *dy, struct tensor *y);

#endif
