/* SPDX-License-Identifier: MIT */
#ifndef OPS_EMBEDDING_H
#define OPS_EMBEDDING_H

#include <stdbool.h>
#include <stdint.h>

#include "ops/accumulate.h"
#include "tensor/graph.h"

/** struct embedding_attr - @out: type of the result, f32 or bf16. */
struct embedding_attr {
	enum dtype out;
};

/** struct embedding_grad_attr - @rows: V, which no other input says. */
struct embedding_grad_attr {
	int64_t rows;
	struct accumulate_attr accumulate;
};

/**
 * op_embedding() - rows of a table: y[..., :] = table[ids[...], :].
 * @table: (V, C) of f32, bf16, f16 or a block type
 * @ids: i32 (...); an id outside [0, V) ends the run with -EINVAL
 *
 * @out: type of the result, f32 or bf16
 *
 * Return: (..., C).
 */
struct tensor *op_embedding(struct graph *g, struct tensor *table, struct tensor *ids,
			    enum dtype out);

/**
 * op_embedding_grad() - each row of @dout is added to row ids[...] of the table's
 * gradient, in the order of the ids; rows that no id names get nothing.
 * @dout: f32 or bf16 (..., C)
 * @ids: i32 (...)
 * @rows: V
 * @prev: f32 (V, C), updated in place, or NULL: a fresh tensor
 * @flag: i32 scalar, or NULL; with @always_add: struct accumulate_attr
 *
 * Return: f32 (V, C), @prev after the update if it was given.
 */
struct tensor *op_embedding_grad(struct graph *g, struct tensor *dout, struct tensor *ids,
				 int64_t rows, struct tensor *prev, struct tensor *flag,
				 bool always_add);

#endif
