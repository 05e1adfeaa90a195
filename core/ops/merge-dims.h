/* SPDX-License-Identifier: MIT */
#ifndef OPS_MERGE_DIMS_H
#define OPS_MERGE_DIMS_H

#include "tensor/graph.h"

/** struct merge_dims_attr - the first of the two dimensions. */
struct merge_dims_attr {
	int dim;
};

/**
 * op_merge_dims() - (..., n, m, ...) -> (..., n * m, ...): dimensions @dim and @dim + 1.
 * @dim: counted from the end if negative (-2: the last two)
 *
 * A view where the strides allow it, else of a contiguous copy.
 */
struct tensor *op_merge_dims(struct graph *g, struct tensor *x, int dim);

#endif
