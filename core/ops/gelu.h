/* SPDX-License-Identifier: MIT */
#ifndef OPS_GELU_H
#define OPS_GELU_H

#include <stdbool.h>

#include "tensor/graph.h"

/** struct gelu_attr - @exact: with the error function, else the tanh approximation. */
struct gelu_attr {
	bool exact;
};

/**
 * op_gelu() - Gaussian error linear unit, elementwise; f32 or bf16 of any shape.
 * @exact: y = x Phi(x), Phi the standard normal distribution function;
 *	else y = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), as in GPT-2
 *
 * Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016, section 2.
 */
struct tensor *op_gelu(struct graph *g, struct tensor *x, bool exact);

/** op_gelu_grad() - dx = @dy gelu'(@x). */
struct tensor *op_gelu_grad(struct graph *g, struct tensor *dy, struct tensor *x, bool exact);

#endif
