/* SPDX-License-Identifier: MIT */
#ifndef OPS_LINEAR_CROSS_ENTROPY_H
#define OPS_LINEAR_CROSS_ENTROPY_H

#include <stdbool.h>

#include "ops/accumulate.h"
#include "tensor/graph.h"

/**
 * struct linear_cross_entropy_attr - what both ops share.
 * @softcap: z becomes softcap * tanh(z / softcap); 0: off (Bello et al. 2016; Gemma 2,
 *	2024, section 2)
 * @sampled: labels are drawn from the model's own softmax (train only)
 * @squares: dW is the sum over rows of squares (train only)
 * @accumulate: how dW goes to prev (train only)
 */
struct linear_cross_entropy_attr {
	float softcap;
	bool sampled;
	bool squares;
	struct accumulate_attr accumulate;
};

/**
 * op_linear_cross_entropy() - unembedding and loss of a language model in one op, with
 * their gradients computed in the forward pass.
 * @x: f32 or bf16 (..., C), R rows
 * @w: f32 or bf16 (V, C)
 * @targets: i32 (...); -1: the row is ignored; others outside [0, V) end the run with
 *	-EINVAL
 * @loss_scale: f32 scalar, read at run time
 * @flag: i32 scalar, read at run time, or NULL: does dW add to w->grad (not 0) or
 *	overwrite it?  The same tensor as backward_options.accumulate, or NULL if w has no
 *	bound gradient
 * @key: i64 (2), {seed, step}, or NULL: targets are as given
 * @softcap: see struct linear_cross_entropy_attr
 *
 * With z = x w^T (capped) and p = softmax(z), the loss of a row is -ln p[target], in
 * nats, unscaled, and 0 for an ignored row.
 *
 * The gradients are those of loss_scale * sum(loss): dz = loss_scale * (p - onehot(target)).
 * @loss_scale is normally one over the valid targets of the global batch.  They are
 * computed here, chunk of rows by chunk of rows, so that logits are neither kept nor
 * computed twice (after Wijmans et al., "Cut your losses in large-vocabulary language
 * models", 2024).  Therefore the loss must be the very tensor that is given to
 * graph_backward(): another factor above it is refused.
 *
 * dW is added into w->grad when the node runs, if w is a param with a bound gradient:
 * set w->grad before this call.  Then a graph may have one such op per weight; a tied
 * embedding adds to the same gradient after it.
 *
 * With @key, labels are sampled for the true (not empirical) Fisher information: row r
 * takes the first v, in index order, at which the cumulated softmax exceeds
 * rng_uniform(stream (seed, "labels", step), r).  Each microbatch needs a step of its own.
 * @targets then only say which rows are ignored.
 *
 * dx has the type of x; with bf16, dz is rounded to bf16 before the two products where the
 * CPU multiplies in it.  Logits, losses and dW are f32.
 *
 * Return: the losses, f32 (...).
 */
struct tensor *op_linear_cross_entropy(struct graph *g, struct tensor *x, struct tensor *w,
				       struct tensor *targets, struct tensor *loss_scale,
				       struct tensor *flag, struct tensor *key, float softcap);

/**
 * op_linear_cross_entropy_squares() - the same, but what goes into w->grad is (dz^2)^T (x^2):
 * the squares of the gradients that the rows have one by one, added up.  dx is as it was.
 *
 * For Fisher estimates by position (core/fim/position.c).
 */
struct tensor *op_linear_cross_entropy_squares(struct graph *g, struct tensor *x,
					       struct tensor *w, struct tensor *targets,
					       struct tensor *loss_scale, struct tensor *flag,
					       struct tensor *key, float softcap);

/** op_linear_cross_entropy_eval() - the losses alone; not differentiable. */
struct tensor *op_linear_cross_entropy_eval(struct graph *g, struct tensor *x, struct tensor *w,
					    struct tensor *targets, float softcap);

#endif
