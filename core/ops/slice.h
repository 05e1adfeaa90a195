/* SPDX-License-Identifier: MIT */
#ifndef OPS_SLICE_H
#define OPS_SLICE_H

#include "tensor/graph.h"

/** struct slice_attr - [start, start + length) along dimension dim; length -1: to the end. */
struct slice_attr {
	int dim;
	int64_t start;
	int64_t length;
};

/**
 * op_slice() - a part of @x along one dimension, as a view: nothing is copied.
 * @dim: counted from the end if negative
 * @length: -1: to the end, also where that is an extent
 */
struct tensor *op_slice(struct graph *g, struct tensor *x, int dim, int64_t start,
			int64_t length);

#endif
