/* SPDX-License-Identifier: MIT */
#ifndef OPS_SUM_LAST_H
#define OPS_SUM_LAST_H

#include "tensor/graph.h"

/** op_sum_last() - sums over the last dimension: f32 (..., n) -> (...), added in double. */
struct tensor *op_sum_last(struct graph *g, struct tensor *x);

#endif
