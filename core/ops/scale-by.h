/* SPDX-License-Identifier: MIT */
#ifndef OPS_SCALE_BY_H
#define OPS_SCALE_BY_H

#include "tensor/graph.h"

/**
 * op_scale_by() - y = s * x, elementwise; f32 or bf16 of any shape.
 * @s: f32 tensor of one element, read at run time (a loss scale, a learned gain)
 */
struct tensor *op_scale_by(struct graph *g, struct tensor *x, struct tensor *s);

#endif
