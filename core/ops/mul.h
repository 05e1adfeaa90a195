/* SPDX-License-Identifier: MIT */
#ifndef OPS_MUL_H
#define OPS_MUL_H

#include "tensor/graph.h"

/**
 * op_mul() - y = a * b elementwise; f32 or bf16, y has the type of @a.
 * @a: any shape, which is that of y
 * @b: the last dimensions of @a, as in op_add().  To multiply by a factor per row, give
 *	op_broadcast_to(b, a, true).
 */
struct tensor *op_mul(struct graph *g, struct tensor *a, struct tensor *b);

#endif
