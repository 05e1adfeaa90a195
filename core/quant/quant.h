/* SPDX-License-Identifier: MIT */
/*
 * Weights to blocks: the bytes that ggml's quantizers make, on every processor.
 *
 * Which scales and codes stand for a group of weights is found by a search that minimises the
 * error, weighted by how much each column matters if that is known (an importance matrix:
 * the mean square of what the column is multiplied with).
 */
#ifndef QUANT_QUANT_H
#define QUANT_QUANT_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/dtype.h"

/**
 * struct quant_rows - what is quantized.
 * @x: @nr rows of @row weights, all finite; @row is whole blocks
 * @weights: importance of each column (@row), >= 0, or NULL
 */
struct quant_rows {
	const float *x;
	int64_t nr, row;
	const float *weights;
};

/** enum quant_level - instruction sets that the searches are compiled for. */
enum quant_level { QUANT_PLAIN, QUANT_AVX2, QUANT_AVX512 };

/** quant_can() - is @dtype a type that quant_encode() makes: a block type, f32, f16, bf16? */
bool quant_can(enum dtype dtype);

/**
 * quant_encode() - rows as blocks of @dtype, or rounded to f32, f16, bf16.
 *
 * Return: 0; -ERANGE with a message if a scale is beyond what f16 holds.
 */
int quant_encode(enum dtype dtype, const struct quant_rows *r, void *out);

/** quant_limit() - use at most @level from now on: tests compare them all. */
void quant_limit(enum quant_level level);

/** quant_level() - the best level that this processor has and quant_limit() allows. */
enum quant_level quant_level(void);

#endif
