/* SPDX-License-Identifier: MIT */
#ifndef OPS_TOKEN_SCORES_H
#define OPS_TOKEN_SCORES_H

#include "tensor/graph.h"

/**
 * op_token_scores() - what logits say of the tokens that came.
 * @logits: f32 (..., V)
 * @targets: i32 (...): the token that came; negative: none, its score is 0
 * @best: where to put i32 (...), the most probable token, the first one of equals
 *
 * Not differentiable; op_linear_cross_entropy() is, and holds no logits.
 * Return: f32 (...), log of softmax(logits)[target], in nats.
 */
struct tensor *op_token_scores(struct graph *g, struct tensor *logits, struct tensor *targets,
			       struct tensor **best);

#endif
