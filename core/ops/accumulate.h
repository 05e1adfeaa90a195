/* SPDX-License-Identifier: MIT */
#ifndef OPS_ACCUMULATE_H
#define OPS_ACCUMULATE_H

#include <stdbool.h>

#include "tensor/graph.h"

/**
 * struct accumulate_attr - shared by all ops that accumulate into a bound gradient.
 *
 * Such an op has two optional inputs: prev, the tensor to update in place, and flag, an
 * i32 scalar that is read at run time.  The new value is added to prev if @always_add or
 * if flag is given and not 0, else it overwrites prev, whose old contents (NaN, say) do
 * not matter then.  Without prev the output is a fresh tensor.
 */
struct accumulate_attr {
	bool always_add;
};

/**
 * op_accumulate() - prev = (add ? prev : 0) + x, in place.
 * @prev, @x: f32 of one shape
 * @flag: i32 scalar, or NULL: struct accumulate_attr
 *
 * graph_backward() ends with it for each param whose gradient no op accumulates itself.
 * Return: @prev after the update.
 */
struct tensor *op_accumulate(struct graph *g, struct tensor *prev, struct tensor *x,
			     struct tensor *flag, bool always_add);

/**
 * accumulate_rule() - check prev and flag of @op: prev like @out if it is given, flag a
 * scalar; neither flag nor @always_add without prev.
 */
int accumulate_rule(const char *op, const struct layout *prev, const struct layout *flag,
		    bool always_add, const struct layout *out);

/** accumulate_base() - for oracles: what element @i holds before the new value is added. */
double accumulate_base(const double *prev, const double *flag, bool always_add, int64_t i);

#endif
