/* SPDX-License-Identifier: MIT */
#ifndef OPS_GLU_H
#define OPS_GLU_H

#include "tensor/graph.h"

/** enum glu_act - the activation of a gate. */
enum glu_act {
	GLU_SILU,
	GLU_GELU,	/* by tanh */
	GLU_GELU_EXACT,
};

struct glu_attr {
	enum glu_act act;
};

/**
 * op_glu() - the hidden layer of a gated MLP: y = act(gate) * up, elementwise.
 * @gate, @up: f32 or bf16 (..., F); may be slices of one (..., 2F) tensor
 *
 * Source: Shazeer, "GLU variants improve Transformer", 2020, equations 5 and 6.
 */
struct tensor *op_glu(struct graph *g, struct tensor *gate, struct tensor *up,
		      enum glu_act act);

/**
 * op_glu_grad() - gradients of op_glu(): dgate = dy * up * act'(gate), dup = dy * act(gate).
 * Return: dgate; *@dup is set (to NULL after an error).
 */
struct tensor *op_glu_grad(struct graph *g, struct tensor *dy, struct tensor *gate,
			   struct tensor *up, enum glu_act act, struct tensor **dup);

#endif
