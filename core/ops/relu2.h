/* SPDX-License-Identifier: MIT */
#ifndef OPS_RELU2_H
#define OPS_RELU2_H

#include "tensor/graph.h"

/**
 * op_relu2() - y = max(x, 0)^2, elementwise; f32 or bf16 of any shape.
 *
 * Source: So et al., "Primer: searching for efficient transformers", 2021 (squared ReLU).
 */
struct tensor *op_relu2(struct graph *g, struct tensor *x);

/** op_relu2_grad() - dx = @dy 2 max(@x, 0). */
struct tensor *op_relu2_grad(struct graph *g, struct tensor *dy, struct tensor *x);

#endif
