/* SPDX-License-Identifier: MIT */
/*
 * What the steps of optimizers with one momentum buffer (sgd, muon) have in common.
 */
#ifndef OPS_MOMENTUM_H
#define OPS_MOMENTUM_H

#include "ops/rules.h"
#include "tensor/graph.h"

/** Inputs of the ops; those that are optional may be absent. */
enum momentum_in {
	MOMENTUM_W, MOMENTUM_BUF, MOMENTUM_GRAD, MOMENTUM_CLIP, MOMENTUM_HYPER,
	MOMENTUM_MASK,		/* optional */
	MOMENTUM_SHADOW,	/* an op NAME_shadow has it, NAME has not */
	MOMENTUM_NR_IN
};

/** Places in the hyper tensor, which the host writes before each step. */
enum momentum_hyper {
	MOMENTUM_LR,		/* learning rate */
	MOMENTUM_NR_HYPER = 4
};

/**
 * momentum_step() - append the node of a step.
 * @name: of the op, for messages
 * @plain, @with_shadow: the op without and with a bf16 copy of the weights
 * @in: MOMENTUM_NR_IN tensors; mask and shadow may be NULL
 * Return: the new weights; NULL with an error if a tensor to update is a view with gaps.
 */
struct tensor *momentum_step(struct graph *g, const char *name, const struct op *plain,
			     const struct op *with_shadow, const void *attr,
			     struct tensor *const *in);

/** momentum_infer() - the shape rule of such an op called @name. */
int momentum_infer(const char *name, const struct layout *in, int nr_in, struct layout *out);

/** momentum_bytes() - memory that a step moves. */
double momentum_bytes(const struct layout *in, const struct layout *out);

/* Members of such an op without and with a shadow. */
#define MOMENTUM_PLAIN								\
	.nr_in = MOMENTUM_SHADOW, .nr_out = 2, .optional_in = 1 << MOMENTUM_MASK,	\
	.updates = { MOMENTUM_W + 1, MOMENTUM_BUF + 1 }
#define MOMENTUM_WITH_SHADOW							\
	.nr_in = MOMENTUM_NR_IN, .nr_out = 3, .optional_in = 1 << MOMENTUM_MASK,	\
	.updates = { MOMENTUM_W + 1, MOMENTUM_BUF + 1, MOMENTUM_SHADOW + 1 }

/* Test cases: weights, buffer and gradient of one shape, clip, hyper; masks; shadows. */
#define MOMENTUM_CASE(...)							\
	CASE_F32(__VA_ARGS__), CASE_F32(__VA_ARGS__), CASE_F32(__VA_ARGS__),	\
	CASE_FILL(DT_F32, FILL_POSITIVE, 0),					\
	CASE_FILL(DT_F32, FILL_POSITIVE, 1, MOMENTUM_NR_HYPER)
#define MOMENTUM_MASK_CASE(type, count, ...)					\
	{ .dtype = (type), .nd = (count), .n = { __VA_ARGS__ }, .fill = FILL_IDS, .limit = 2 }
#define MOMENTUM_SHADOW_CASE(...) CASE_FILL(DT_BF16, FILL_NORMAL, __VA_ARGS__)

#endif
