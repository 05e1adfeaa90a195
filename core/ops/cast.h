/* SPDX-License-Identifier: MIT */
#ifndef OPS_CAST_H
#define OPS_CAST_H

#include "tensor/graph.h"

/** struct cast_attr - @to: type of the result. */
struct cast_attr {
	enum dtype to;
};

/**
 * op_cast() - @x in another float type, rounded to nearest even; any shape.
 * @to: DT_F32, DT_BF16, DT_F16 or DT_F64
 *
 * The gradient is cast back to the type of @x.
 * Return: @x itself if it has the type already.
 */
struct tensor *op_cast(struct graph *g, struct tensor *x, enum dtype to);

#endif
