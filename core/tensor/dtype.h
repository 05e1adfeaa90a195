/* SPDX-License-Identifier: MIT */
/*
 * Element types of tensors, in memory and in files.
 *
 * Block types hold several neighbours along the last dimension in one block, with scales in
 * common; rows never share a block.  Their elements have no address of their own: code that
 * indexes elements takes plain types only (dtype_is_block()), block/block.h decodes the others.
 */
#ifndef TENSOR_DTYPE_H
#define TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dtype {
	DT_F32,
	DT_F64,
	DT_F16,
	DT_BF16,
	DT_I64,
	DT_I32,
	DT_U16,
	DT_U8,
	DT_Q4_0,	/* the first block type */
	DT_Q4_1,
	DT_Q5_0,
	DT_Q5_1,
	DT_Q8_0,
	DT_Q2_K,
	DT_Q3_K,
	DT_Q4_K,
	DT_Q5_K,
	DT_Q6_K,
	DT_IQ4_NL,
	DT_COUNT
};

/**
 * struct dtype_info - what is known of a type.
 * @name: "f32", "q4_0"
 * @safetensors: "F32"; NULL for block types, which safetensors files do not hold
 * @size: bytes per element; of a block type: per block
 * @roundoff: unit roundoff u of a float type, 0 for integers and block types
 * @block: elements per block, 1 for plain types
 */
struct dtype_info {
	const char *name;
	const char *safetensors;
	size_t size;
	double roundoff;
	int block;
};

/** dtype_info() - the row of @type; never NULL for a valid type. */
const struct dtype_info *dtype_info(enum dtype type);

static inline bool dtype_is_block(enum dtype type)
{
	return type >= DT_Q4_0 && type < DT_COUNT;
}

/** dtype_size() - bytes of an element of the plain type @type. */
static inline size_t dtype_size(enum dtype type)
{
	return dtype_info(type)->size;
}

/** dtype_bytes() - bytes of @count elements, whole blocks of a block type. */
int64_t dtype_bytes(enum dtype type, int64_t count);

/** dtype_from_safetensors() - the type called @name there, or -EINVAL (no message). */
int dtype_from_safetensors(const char *name);

/** dtype_from_name() - the type called @name ("q4_k", in any case), or -EINVAL (no message). */
int dtype_from_name(const char *name);

/** dtype_get() - element @i of an array of @type, a plain one, as a double. */
double dtype_get(enum dtype type, const void *data, int64_t i);

/** dtype_put() - store @value rounded to nearest even as element @i. */
void dtype_put(enum dtype type, void *data, int64_t i, double value);

/** f32_to_bf16() / bf16_to_f32() - round to nearest even; NaN stays NaN. */
uint16_t f32_to_bf16(float value);
float bf16_to_f32(uint16_t bits);

/** f32_to_f16() / f16_to_f32() - IEEE half: round to nearest even; NaN stays NaN. */
uint16_t f32_to_f16(float value);
float f16_to_f32(uint16_t bits);

#endif
