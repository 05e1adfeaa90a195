/* SPDX-License-Identifier: MIT */
#ifndef OPS_FILL_LIKE_H
#define OPS_FILL_LIKE_H

struct graph;
struct tensor;

struct fill_like_attr {
	double value;
};

/**
 * op_fill_like() - a tensor of the shape of @like, every element @value.
 *
 * Only the layout of @like is read.  graph_backward() seeds the loss with it.
 */
struct tensor *op_fill_like(struct graph *g, struct tensor *like, double value);

#endif
