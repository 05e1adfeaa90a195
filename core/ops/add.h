/* SPDX-License-Identifier: MIT */
#ifndef OPS_ADD_H
#define OPS_ADD_H

#include "tensor/graph.h"

/**
 * op_add() - y = a + b.
 * @a: f32 or bf16 of any shape; shape and type of y
 * @b: f32 or bf16; the last dimensions of @a: (B, T, C) + (T, C), (..., C) + (C), or a
 *	scalar (nd = 0)
 */
struct tensor *op_add(struct graph *g, struct tensor *a, struct tensor *b);

#endif
