/* SPDX-License-Identifier: MIT */
/*
 * Inputs and reference outputs of a test case.
 */
#ifndef TESTS_OPS_VALUES_H
#define TESTS_OPS_VALUES_H

#include "tensor/op.h"

/** struct case_values - inputs as filled, outputs of the oracle; all contiguous doubles. */
struct case_values {
	const struct op *op;
	const struct op_case *c;
	struct layout in_layout[MAX_IN], out_layout[MAX_OUT];
	double *in[MAX_IN];	/* rounded to the input's type */
	void *blocks[MAX_IN];	/* inputs of block types as they are stored, or NULL */
	double *out[MAX_OUT];
};


/** values_make() - fill the inputs and run the oracle. 0 or -errno. */
int values_make(struct case_values *v, const struct op *op, const struct op_case *c);
void values_free(struct case_values *v);

/** values_oracle() - run the oracle on the present inputs into v->out. */
int values_oracle(struct case_values *v);

/** values_pack() - input @i in its type; caller frees. */
void *values_pack(const struct case_values *v, int i);

/** values_tolerance() - c * u * sqrt(K) * scale for output @o. */
double values_tolerance(const struct case_values *v, int o);

#endif
