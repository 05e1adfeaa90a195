/* SPDX-License-Identifier: MIT */
/*
 * Linear layers whose weight has stored elements only (block/sparse.h): what is multiplied is
 * what lies in the file.  For inference: there is no gradient.
 */
#ifndef OPS_SPARSE_LINEAR_H
#define OPS_SPARSE_LINEAR_H

#include "block/block.h"
#include "tensor/graph.h"

/** struct sparse_linear_attr - @round: what happens to x before the products, as of qlinear. */
struct sparse_linear_attr {
	enum act_round round;
};

/**
 * struct sparse_weight - a matrix (N, K) as tensors.
 * @values: f32, f16 or bf16; of a mask (values), of 2:4 (N, K / 2)
 * @places: u8 (N, bytes of a row): bits of the mask or pairs of places
 * @starts: i64 (N) of a mask: number of the row's first value; NULL: 2:4
 */
struct sparse_weight {
	struct tensor *values, *places, *starts;
};

/**
 * op_sparse_linear() - y = round(x) W^T + b, sums in f32.
 * @x: f32 (..., K); @bias: f32 (N), or NULL
 *
 * Places and starts must belong together (sparse_check()): that is not looked at.
 * Return: f32 (..., N).
 */
struct tensor *op_sparse_linear(struct graph *g, struct tensor *x, const struct sparse_weight *w,
				struct tensor *bias, enum act_round round);

#endif
