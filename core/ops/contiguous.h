/* SPDX-License-Identifier: MIT */
#ifndef OPS_CONTIGUOUS_H
#define OPS_CONTIGUOUS_H

#include "tensor/graph.h"

/**
 * op_contiguous() - a row-major copy of a view; any type and shape.
 *
 * Return: @x itself if it is contiguous already.  graph_node() finds this op by its name
 * to repair the inputs of ops that cannot read views.
 */
struct tensor *op_contiguous(struct graph *g, struct tensor *x);

/** op_contiguous_rows() - the same, but rows of the last dimension may lie apart. */
struct tensor *op_contiguous_rows(struct graph *g, struct tensor *x);

#endif
