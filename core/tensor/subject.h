/* SPDX-License-Identifier: MIT */
/*
 * A kernel on a case of its op, as something that can be run again and again: for
 * benchmarks.  Cases are there with CONFIG_ORACLES only.
 */
#ifndef TENSOR_SUBJECT_H
#define TENSOR_SUBJECT_H

#include "tensor/arch.h"
#include "tensor/op.h"

struct rng;

/** case_element() - what the fill of a case's input puts at row-major place @i. */
double case_element(const struct rng *r, const struct case_input *in, int64_t i);

/**
 * case_blocks() - random blocks of @dtype, @bytes of them: any codes, scales of about 1/20.
 * Return: 0; -EOPNOTSUPP if the type is not compiled in.
 */
int case_blocks(const struct rng *r, enum dtype dtype, void *blocks, int64_t bytes);

/**
 * case_bf16() - case @c with the op's compute inputs as bf16, in @out; @name has room for its
 * name, "NAME-bf16".  Return: false if that is no other case.
 */
#define CASE_NAME 96
bool case_bf16(const struct op *op, const struct op_case *c, struct op_case *out,
	       char name[CASE_NAME]);

/** case_usable() - may kernel @k run case @c on @dev? */
bool case_usable(const struct op *op, const struct op_case *c, const struct kernel *k,
		 const struct device *dev);

/** struct subject - a call that can be repeated. */
struct subject {
	struct call call;
	const struct kernel *kernel;
	struct device *device;
	struct buffer *buffers[MAX_IN + MAX_OUT + 1];
	int nr;
};

/** subject_make() - memory and numbers for @k on case @c. 0 or -errno; free it anyway. */
int subject_make(struct subject *s, const struct op *op, const struct op_case *c,
		 const struct kernel *k, struct device *dev);
void subject_free(struct subject *s);

/** subject_time() - seconds of one call, the median of several runs. */
double subject_time(struct subject *s);

#endif
