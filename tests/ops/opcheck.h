/* SPDX-License-Identifier: MIT */
/*
 * The op tests: everything they do comes from struct op, its cases and the kernel table,
 * so a new op is tested without a new test being written.
 *
 * A failing check returns a text that says which op, case, kernel and element; NULL is
 * success.  The texts live until the next call in the same thread.
 */
#ifndef TESTS_OPS_OPCHECK_H
#define TESTS_OPS_OPCHECK_H

#include "tensor/op.h"

/**
 * opcheck_kernel() - one kernel on one device against the op's oracle.
 *
 * All outputs within c * u * sqrt(K) * scale (c = 8, u the unit roundoff of the output's
 * type, or of the compute inputs' if the op has OP_ROUNDS, K the op's reduction length,
 * scale the largest magnitude in the output); same bits again, with 1, 2 and 4 threads, and
 * in place where the op allows it; nothing written outside the outputs.
 */
const char *opcheck_kernel(const struct op *op, const struct op_case *c,
			   const struct kernel *k, struct device *dev);

/**
 * opcheck_gradient() - the op's gradient rule, run through oracles in fp64, against
 * central differences of the op's own oracle at randomly chosen elements.
 */
const char *opcheck_gradient(const struct op *op, const struct op_case *c);

/**
 * opcheck_extents() - planned at larger maxima and run at the case's size, the bits are
 * those of a plan of exactly that size.
 */
const char *opcheck_extents(const struct op *op, const struct op_case *c, struct device *dev);

#endif
