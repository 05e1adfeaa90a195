/* SPDX-License-Identifier: MIT */
#ifndef OPS_SGD_H
#define OPS_SGD_H

#include "ops/momentum.h"

/** struct sgd_attr - constants of a run. */
struct sgd_attr {
	double momentum;	/* in [0, 1) */
	double weight_decay;	/* times w: added to the gradient */
	bool nesterov;
};

/**
 * op_sgd() - one step of gradient descent with momentum; updates @w, @buf, @shadow in place.
 * @w, @buf, @grad: f32 of one shape: weights, momentum (zeros before the first step), gradient
 * @clip: f32 scalar that multiplies the gradient (op_clip_scale())
 * @hyper: f32 (4), see enum momentum_hyper
 * @mask: f32 or u8 of that shape, or NULL: where it is 0, weight and momentum become 0
 * @shadow: bf16 of that shape, or NULL; becomes the new @w rounded to nearest even
 *
 * In the order of PyTorch's SGD, without dampening: g += wd w; buf = momentum buf + g;
 * w -= lr (nesterov ? g + momentum buf : buf).
 *
 * Source: Sutskever et al., "On the importance of initialization and momentum in deep
 * learning", 2013, in PyTorch's form, where lr is not part of the momentum.
 * Return: the new @w; the node's outputs 1 and 2 are the new @buf and @shadow.
 */
struct tensor *op_sgd(struct graph *g, struct tensor *w, struct tensor *buf, struct tensor *grad,
		      struct tensor *clip, struct tensor *hyper, struct tensor *mask,
		      struct tensor *shadow, const struct sgd_attr *attr);

#endif
