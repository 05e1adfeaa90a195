/* SPDX-License-Identifier: MIT */
/*
 * Golden tests of the oracles: the same inputs through PyTorch and through the ops.
 *
 * The file is tests/data/golden/ops.safetensors, made by scripts/peers/golden_ops.py,
 * which says what is in it.  Forward results come from the op's oracle, gradients from
 * graph_backward() run through the oracles of the gradient ops, all in fp64.
 */
#ifndef TESTS_OPS_GOLDEN_H
#define TESTS_OPS_GOLDEN_H

#include <stdint.h>

#include "io/safetensors.h"
#include "tensor/graph.h"

#define GOLDEN_NAME 96
#define GOLDEN_PAIRS (MAX_OUT + MAX_IN)

/** struct golden_pair - one result: as PyTorch has it and as the oracles have it. */
struct golden_pair {
	char what[16];		/* "out0", "din2" */
	int64_t count;
	double *want;		/* owned */
	const double *got;	/* in golden_case.values */
};

/** struct golden_case - one case, run. */
struct golden_case {
	char name[GOLDEN_NAME];	/* "OP/CASE" */
	const struct op *op;
	struct graph *g;	/* its nodes tell which ops took part */
	double **values;	/* by tensor id */
	struct golden_pair pair[GOLDEN_PAIRS];
	int nr;
};

/**
 * golden_next() - set @name to that of the next case in alphabetical order, "" to begin.
 * Cases of ops that this build lacks are passed over: those of optimizers.
 * Return: false if there is none.
 */
bool golden_next(const struct st *st, char name[GOLDEN_NAME]);

/** golden_run() - load case @name from the file and run it. 0 or -errno; free it anyway. */
int golden_run(const struct st *st, const char *name, struct golden_case *c);
void golden_free(struct golden_case *c);

/**
 * golden_compare() - all results within 1e-12 of the largest element of each?
 * Return: NULL, or a text that names case, result and element.
 */
const char *golden_compare(const struct golden_case *c);

/**
 * golden_attr() - the attribute struct of @op from a JSON object.
 * @json: NULL for an op without attributes
 * @attr: zeroed, op->attr_size bytes
 *
 * Return: 0; -EINVAL unless the object has exactly the members of the struct.
 */
int golden_attr(const struct op *op, const char *json, void *attr);

#endif
