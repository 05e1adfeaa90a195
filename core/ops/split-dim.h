/* SPDX-License-Identifier: MIT */
#ifndef OPS_SPLIT_DIM_H
#define OPS_SPLIT_DIM_H

#include "tensor/graph.h"

/**
 * struct split_dim_attr - which dimension, and the size of the inner of the two.
 * @inner: 0: the size of dimension @dim + 1 of the second input
 */
struct split_dim_attr {
	int dim;
	int64_t inner;
};

/**
 * op_split_dim() - (..., n, ...) -> (..., n / inner, inner, ...), as a view.
 * @dim: counted from the end if negative
 * @inner: must divide the size; not an extent
 *
 * Splits the channels of a projection into heads: (B, T, H * D) -> (B, T, H, D).
 */
struct tensor *op_split_dim(struct graph *g, struct tensor *x, int dim, int64_t inner);

/** op_split_dim_like() - inner is the size of @like's dimension @dim + 1, maybe an extent. */
struct tensor *op_split_dim_like(struct graph *g, struct tensor *x, int dim,
				 struct tensor *like);

#endif
