/* SPDX-License-Identifier: MIT */
#ifndef OPS_MUON_H
#define OPS_MUON_H

#include "ops/momentum.h"

/* Five steps of X = a X + (b G + c G^2) X with G = X X^T, which is X^T X for tall X. */
#define MUON_STEPS 5
#define MUON_A 3.4445
#define MUON_B (-4.7750)
#define MUON_C 2.0315
#define MUON_EPS 1e-7		/* least norm that is divided by */

/** struct muon_attr - constants of a run. */
struct muon_attr {
	double momentum;	/* in [0, 1) */
	double weight_decay;	/* times learning rate: what a step takes away from w */
	bool nesterov;
	bool match_rms;		/* scale 0.2 sqrt(max(rows, columns)), see muon_scale() */
};

/**
 * op_muon() - one step of Muon on a matrix; updates @w, @buf, @shadow in place.
 * @w, @buf, @grad: f32 (rows, columns): weights (out, in), momentum (zeros before the
 *	first step), gradient
 * @clip: f32 scalar that multiplies the gradient (op_clip_scale())
 * @hyper: f32 (4), see enum momentum_hyper
 * @mask: f32 or u8 of that shape, or NULL: where it is 0, weight and momentum become 0
 * @shadow: bf16 of that shape, or NULL; becomes the new @w rounded to nearest even
 *
 * In the order of torch.optim.Muon: buf += (1 - momentum)(g - buf); U = nesterov ?
 * g + momentum (buf - g) : buf; X = U / max(|U|, 1e-7); five Newton-Schulz steps bring the
 * singular values of X near 1; w *= 1 - lr wd; w -= lr scale X.  All in f32.
 *
 * Source: Keller Jordan, "Muon: an optimizer for hidden layers in neural networks", 2024;
 * match_rms: Liu et al., "Muon is scalable for LLM training", 2025, equation 4.
 * Return: the new @w; the node's outputs 1 and 2 are the new @buf and @shadow.
 */
struct tensor *op_muon(struct graph *g, struct tensor *w, struct tensor *buf, struct tensor *grad,
		       struct tensor *clip, struct tensor *hyper, struct tensor *mask,
		       struct tensor *shadow, const struct muon_attr *attr);

/** muon_scale() - factor on the learning rate: sqrt(max(1, rows / columns)), or match_rms. */
double muon_scale(const struct muon_attr *a, int64_t rows, int64_t columns);

#endif
