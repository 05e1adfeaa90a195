/* SPDX-License-Identifier: MIT */
#ifndef OPS_CONCAT_H
#define OPS_CONCAT_H

#include "tensor/graph.h"

/* Attributes: struct slice_place (tensor/graph.h). */

/**
 * op_concat() - tensors one after the other along one dimension; any type.
 * @x: @nr tensors, 1 to MAX_IN, of equal sizes but along @dim; views are welcome
 * @dim: counted from the end if negative
 *
 * Where a gradient is wanted, sizes along @dim are not extents, but for the last tensor.
 * graph_backward() finds this op by its name to join gradients of slices.
 */
struct tensor *op_concat(struct graph *g, struct tensor *const *x, int nr, int dim);

#endif
