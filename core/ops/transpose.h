/* SPDX-License-Identifier: MIT */
#ifndef OPS_TRANSPOSE_H
#define OPS_TRANSPOSE_H

#include "tensor/graph.h"

/** struct transpose_attr - the two dimensions to swap. */
struct transpose_attr {
	int a, b;
};

/**
 * op_transpose() - swap two dimensions, as a view: nothing is copied.
 * @dim_a, @dim_b: counted from the end if negative
 */
struct tensor *op_transpose(struct graph *g, struct tensor *x, int dim_a, int dim_b);

#endif
