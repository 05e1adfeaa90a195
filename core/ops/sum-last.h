/* SPDX-License-Identifier: MIT */
#ifndef OPS_SUM_LAST_H
#define OPS_SUM_LAST_H

#include "tensor/graph.h"

/** op_sum_last() - sums over the last dimension: (..., n), f32 or bf16, to
 * f32 (...), added in double.
 */
struct tensor *op_sum_last(struct graph *g, struct tensor *x);

#endif
