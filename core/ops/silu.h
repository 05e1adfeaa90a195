/* SPDX-License-Identifier: MIT */
#ifndef OPS_SILU_H
#define OPS_SILU_H

#include "tensor/graph.h"

/**
 * op_silu() - y = x / (1 + exp(-x)), elementwise; f32 or bf16 of any shape.
 *
 * Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016, section 2 (SiLU);
 * also called swish (Ramachandran, Zoph and Le 2017).
 */
struct tensor *op_silu(struct graph *g, struct tensor *x);

/** op_silu_grad() - dx = @dy s (1 + x (1 - s)) with s = 1 / (1 + exp(-@x)). */
struct tensor *op_silu_grad(struct graph *g, struct tensor *dy, struct tensor *x);

#endif
