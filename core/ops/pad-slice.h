/* SPDX-License-Identifier: MIT */
#ifndef OPS_PAD_SLICE_H
#define OPS_PAD_SLICE_H

#include "tensor/graph.h"

/* Attributes: struct slice_place (tensor/graph.h). */

/**
 * op_pad_slice() - zeros with @x in them, from @start on along @dim; any type.
 * @like: only its shape is used: that of the result; equal to that of @x but along @dim
 * @dim: counted from the end if negative
 *
 * graph_backward() finds this op by its name where gradients of slices leave gaps.
 */
struct tensor *op_pad_slice(struct graph *g, struct tensor *x, struct tensor *like, int dim,
			    int64_t start);

#endif
