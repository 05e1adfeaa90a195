/* SPDX-License-Identifier: MIT */
#ifndef OPS_DROPOUT_H
#define OPS_DROPOUT_H

#include "tensor/graph.h"

/**
 * struct dropout_attr - what is dropped.
 * @purpose: hash_name() of the stream's full name, so that two dropouts never share a mask
 * @rate: probability of a zero, 0 <= rate < 1
 */
struct dropout_attr {
	uint64_t purpose;
	float rate;
};

/**
 * op_dropout() - y = x / (1 - rate) where the element is kept, else 0.
 * @x: f32 or bf16 of any shape
 * @key: i64 (2): seed and step, read at run time
 * @name: full purpose name, such as "dropout/h.3.attn": part of the stream's key
 *
 * Row-major element e is kept if rng_uniform(stream(seed, name, step), e) >= rate, so
 * that the mask is never stored: the gradient is the same op on dy with the same key.
 * @rate = 0 returns @x itself.
 *
 * Source: Srivastava et al., "Dropout", JMLR 15, 2014, section 10 (inverted scaling).
 */
struct tensor *op_dropout(struct graph *g, struct tensor *x, struct tensor *key, float rate,
			  const char *name);

#endif
