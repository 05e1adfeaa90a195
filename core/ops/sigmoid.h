/* SPDX-License-Identifier: MIT */
#ifndef OPS_SIGMOID_H
#define OPS_SIGMOID_H

#include "tensor/graph.h"

/** op_sigmoid() - y = 1 / (1 + exp(-x)), elementwise; f32 or bf16 of any shape. */
struct tensor *op_sigmoid(struct graph *g, struct tensor *x);

/** op_sigmoid_grad() - dx = @dy @y (1 - @y). */
struct tensor *op_sigmoid_grad(struct graph *g, struct tensor *dy, struct tensor *y);

#endif
