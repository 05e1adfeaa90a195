/* SPDX-License-Identifier: MIT */
#ifndef OPS_BROADCAST_TO_H
#define OPS_BROADCAST_TO_H

#include <stdbool.h>

#include "tensor/graph.h"

/**
 * struct broadcast_to_attr - how.
 * @last: copies along the last dimension, not along the leading ones
 * @average: each copy is divided by the number of copies
 */
struct broadcast_to_attr {
	bool last;
	bool average;
};

/**
 * op_broadcast_to() - repeat @x until it has the shape of @like.
 * @x: f32 or bf16, as the result; the last dimensions of @like (a scalar: nd = 0), or if
 *	@last all but the last
 * @like: only its shape is used
 *
 * The opposite of op_sum_to() and op_sum_last().
 */
struct tensor *op_broadcast_to(struct graph *g, struct tensor *x, struct tensor *like,
			       bool last);

/** op_spread_to() - the same divided by the number of copies: the gradient of a mean. */
struct tensor *op_spread_to(struct graph *g, struct tensor *x, struct tensor *like, bool last);

#endif
