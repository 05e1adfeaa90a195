/* SPDX-License-Identifier: MIT */
/*
 * Block types: weights in blocks with common scales, as GGUF files hold them.
 *
 * A type is one file that ends with BLOCK_TYPE_REGISTER(): its layout in bytes, how a block
 * becomes floats, and which types of activations it is multiplied with when these are
 * rounded as well.  Sizes of blocks are in tensor/dtype.h.  Layouts and formulas are ggml's;
 * each file names them.
 */
#ifndef BLOCK_BLOCK_H
#define BLOCK_BLOCK_H

#include <stdint.h>

#include "base/registry.h"
#include "base/section.h"
#include "tensor/dtype.h"

/**
 * enum act_round - how activations are rounded before they meet a weight of some type.
 * ACT_ROUND_NONE keeps f32.  ACT_ROUND_Q8 is what llama.cpp does: 8-bit blocks for block
 * types (Q8_0, Q8_1 or Q8_K, as the weight's type asks), f16 for f16, bf16 for bf16.
 */
enum act_round { ACT_ROUND_NONE, ACT_ROUND_Q8 };

/** enum act_block - the 8-bit blocks that activations are rounded to. */
enum act_block {
	ACT_Q8_0,	/* 32: scale f16 = max|x| / 127, codes round(x / scale) */
	ACT_Q8_1,	/* 32: as Q8_0; the sum, which ggml rounds to f16, is exact here */
	ACT_Q8_K,	/* 256: scale f32 = -x_m / 127, x_m of the largest magnitude */
};

/**
 * struct block_type - one type.
 * @name: dtype_info()'s (first, so that the table sorts by it)
 * @ggml: its number in GGUF files
 * @act: what activations are rounded to with ACT_ROUND_Q8
 * @halves: offsets of the f16 scales and minima in a block; 0 beyond @nr_halves
 * @decode: @nr elements, whole blocks, to floats, with ggml's formula in f32
 */
struct block_type {
	const char *name;
	enum dtype dtype;
	int ggml;
	enum act_block act;
	int nr_halves;
	uint8_t halves[2];
	void (*decode)(const void *blocks, float *out, int64_t nr);
};

#define BLOCK_TYPE_REGISTER(var) SECTION_ENTRY(knlp_block_types, struct block_type, var)
SECTION_DECLARE(knlp_block_types, struct block_type);

/** block_type() - the type @dtype; NULL with a message if this binary lacks it. */
const struct block_type *block_type(enum dtype dtype);

/**
 * dtype_decode() - @nr elements from element @at of an array of any float or block type to
 * floats; @at and @nr are whole blocks.  Return: 0; -EOPNOTSUPP if the type is not compiled in.
 */
int dtype_decode(enum dtype dtype, const void *data, int64_t at, int64_t nr, float *out);

/**
 * dtype_ggml() / dtype_from_ggml() - numbers of types in GGUF files.
 * Return: -EINVAL (no message) for those without a counterpart.
 */
int dtype_ggml(enum dtype dtype);
int dtype_from_ggml(int ggml);

/**
 * act_codes() - one block of activations, 32 or 256 as @act says, as 8-bit codes.
 * Return: their scale.
 */
float act_codes(enum act_block act, const float *x, int8_t *codes);

/**
 * act_round_row() - what rounding does to a row of activations: @x to @rounded, both (@nr).
 *
 * The reference: kernels and oracles must see exactly these values.
 */
void act_round_row(enum act_block act, const float *x, float *rounded, int64_t nr);

#endif
