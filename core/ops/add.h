/* SPDX-License-Identifier: MIT */
#ifndef OPS_ADD_H
#define OPS_ADD_H

#include "tensor/graph.h"

/**
 * op_add() - y = a + b, f32.
 * @a: any shape, which is that of y
 * @b: the last dimensions of @a: (B, T, C) + (T, C), (..., C) + (C), or a scalar (nd = 0)
 */
struct tensor *op_add(struct graph *g, struct tensor *a, struct tensor *b);

#endif
