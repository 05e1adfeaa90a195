/* SPDX-License-Identifier: MIT */
/*
 * Element types of tensors, in memory and in files.
 */
#ifndef TENSOR_DTYPE_H
#define TENSOR_DTYPE_H

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
	DT_COUNT
};

/** struct dtype_info - what is known of a type. */
struct dtype_info {
	const char *name;		/* "f32" */
	const char *safetensors;	/* "F32" */
	size_t size;			/* bytes per element */
	double roundoff;		/* unit roundoff u of a float type, 0 for integers */
};

/** dtype_info() - the row of @type; never NULL for a valid type. */
const struct dtype_info *dtype_info(enum dtype type);

static inline size_t dtype_size(enum dtype type)
{
	return dtype_info(type)->size;
}

/** dtype_from_safetensors() - the type called @name there, or -EINVAL (no message). */
int dtype_from_safetensors(const char *name);

/** dtype_get() - element @i of an array of @type as a double. */
double dtype_get(enum dtype type, const void *data, int64_t i);

/** dtype_put() - store @value rounded to nearest even as element @i. */
void dtype_put(enum dtype type, void *data, int64_t i, double value);

/** f32_to_bf16() / bf16_to_f32() - round to nearest even; NaN stays NaN. */
uint16_t f32_to_bf16(float value);
float bf16_to_f32(uint16_t bits);

#endif
