/* SPDX-License-Identifier: MIT */
#ifndef OPS_SOFTCAP_H
#define OPS_SOFTCAP_H

struct graph;
struct tensor;

struct softcap_attr {
	float cap;
};

/**
 * op_softcap() - y = cap * tanh(x / cap), keeps logits within (-cap, cap).
 *
 * @cap > 0.  Source: Bello et al. 2016; Gemma 2 (2024), section 2.
 */
struct tensor *op_softcap(struct graph *g, struct tensor *x, float cap);

#endif
