/* SPDX-License-Identifier: MIT */
#ifndef OPS_ADAMW_H
#define OPS_ADAMW_H

#include "tensor/graph.h"

/** struct adamw_attr - constants of a run. */
struct adamw_attr {
	double beta1, beta2;	/* decays of the running means, in [0, 1) */
	double eps;		/* added to the root of the second moment */
	double weight_decay;	/* times learning rate: what a step takes away from w */
};

/** Places in the hyper tensor, which the host writes before each step. */
enum adamw_hyper {
	ADAMW_LR,		/* learning rate */
	ADAMW_CORRECT1,		/* 1 - beta1^t, t = 1 in the first step */
	ADAMW_CORRECT2,		/* 1 - beta2^t */
	ADAMW_DECAY,		/* multiplies weight_decay: 0 for norms and biases */
	ADAMW_NR_HYPER
};

/** Inputs of the ops; those that are optional may be absent. */
enum adamw_in {
	ADAMW_W, ADAMW_M, ADAMW_V, ADAMW_GRAD, ADAMW_CLIP, ADAMW_HYPER,
	ADAMW_MASK,		/* optional */
	ADAMW_SHADOW,		/* adamw_shadow has it, adamw has not */
	ADAMW_NR_IN
};

/**
 * op_adamw() - one step of AdamW; updates @w, @m, @v and @shadow in place.
 * @w, @m, @v, @grad: f32 of one shape: weights, both moments, gradient
 * @clip: f32 scalar that multiplies the gradient (op_clip_scale())
 * @hyper: f32 (4), see enum adamw_hyper
 * @mask: f32 or u8 of that shape, or NULL: none; where it is 0, the weight and its moments
 *	become 0, whatever the gradient is
 * @shadow: bf16 of that shape, or NULL: none; becomes the new @w rounded to nearest even
 *
 * In the order of PyTorch's AdamW: w *= 1 - lr wd; m += (1 - beta1)(g - m);
 * v = beta2 v + (1 - beta2) g^2; w -= lr / c1 * m / (sqrt(v) / sqrt(c2) + eps).
 *
 * Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019,
 * algorithm 2 (their schedule multiplier is part of lr).
 * Return: the new @w; the node's outputs 1, 2 and 3 are the new @m, @v and @shadow.
 */
struct tensor *op_adamw(struct graph *g, struct tensor *w, struct tensor *m, struct tensor *v,
			struct tensor *grad, struct tensor *clip, struct tensor *hyper,
			struct tensor *mask, struct tensor *shadow,
			const struct adamw_attr *attr);

#endif
