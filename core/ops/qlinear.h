/* SPDX-License-Identifier: MIT */
/*
 * Linear layers whose weight keeps the type in which a file holds it: f16, bf16 or blocks.
 * For inference: there is no gradient.
 */
#ifndef OPS_QLINEAR_H
#define OPS_QLINEAR_H

#include "block/block.h"
#include "tensor/graph.h"

/** struct qlinear_attr - @round: what happens to x before the products. */
struct qlinear_attr {
	enum act_round round;
};

/**
 * op_qlinear() - y = round(x) W^T + b, sums in f32.
 * @x: f32 (..., K)
 * @w: f16, bf16 or a block type, (N, K); K is a multiple of the block
 * @bias: f32 (N), or NULL
 *
 * Return: f32 (..., N).
 */
struct tensor *op_qlinear(struct graph *g, struct tensor *x, struct tensor *w,
			  struct tensor *bias, enum act_round round);

#endif
