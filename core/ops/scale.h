/* SPDX-License-Identifier: MIT */
#ifndef OPS_SCALE_H
#define OPS_SCALE_H

#include "tensor/graph.h"

/** struct scale_attr - @factor: a constant of the run. */
struct scale_attr {
	float factor;
};

/** op_scale() - y = factor * x, elementwise; f32 or bf16 of any shape. */
struct tensor *op_scale(struct graph *g, struct tensor *x, float factor);

#endif
