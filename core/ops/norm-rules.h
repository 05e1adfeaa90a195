/* SPDX-License-Identifier: MIT */
/* Shape rules that layernorm and rmsnorm have in common. */
#ifndef OPS_NORM_RULES_H
#define OPS_NORM_RULES_H

#include "tensor/shape.h"

/** norm_rows() - x must be f32 or bf16 (..., C) with dense rows, the result of type @out. */
int norm_rows(const char *op, const struct layout *x, enum dtype out);

/** norm_statistic() - f32 (...) for rows of @x. */
struct layout norm_statistic(const struct layout *x);

/** norm_sum() - x f32, branch f32 or bf16 of its shape: @sum is set to the layout of both. */
int norm_sum(const char *op, const struct layout *x, const struct layout *branch,
	     struct layout *sum);

/**
 * norm_grad() - dy f32 or bf16 of the shape of x, w (C), dsum absent or like x: @out[0] is
 * set for dx, @out[1] for dw.
 */
int norm_grad(const char *op, const struct layout *dy, const struct layout *x,
	      const struct layout *w, const struct layout *dsum, struct layout *out);

#endif
