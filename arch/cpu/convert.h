/* SPDX-License-Identifier: MIT */
/*
 * Floats from and to the narrower types that tensors may have in memory.
 */
#ifndef ARCH_CPU_CONVERT_H
#define ARCH_CPU_CONVERT_H

#include <stdint.h>

#include "arch/cpu/loops.h"
#include "arch/cpu/vmath.h"
#include "tensor/dtype.h"

/** PART - elements that are converted at a time: with a few inputs they stay in the L1. */
#define PART 1024

/* bf16_to_f32() and f32_to_bf16(), for loops that the compiler vectorizes. */
SIMD_INLINE float bf16_load(uint16_t bits)
{
	return vm_float((uint32_t)bits << 16);
}

SIMD_INLINE uint16_t bf16_store(float value)
{
	uint32_t bits = vm_bits(value), even = bits >> 16 & 1;
	uint32_t rounded = (bits + 0x7fff + even) >> 16, nan = bits >> 16 | 0x40;

	return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}

/* Element @i of an array whose type is known when compiling: f32 or bf16. */
SIMD_INLINE float load_as(enum dtype type, const void *data, int64_t i)
{
	return type == DT_BF16 ? bf16_load(((const uint16_t *)data)[i])
			       : ((const float *)data)[i];
}

SIMD_INLINE void store_as(enum dtype type, void *data, int64_t i, float value)
{
	if (type == DT_BF16)
		((uint16_t *)data)[i] = bf16_store(value);
	else
		((float *)data)[i] = value;
}

/** data_at() - address of element @i of an array of @type. */
static inline const void *data_at(const void *data, enum dtype type, int64_t i)
{
	return (const char *)data + i * (int64_t)dtype_size(type);
}

/**
 * widen() - @n elements of f32, bf16, f16, u8, a block type that is compiled in (whole blocks)
 * or, slowly, any other type as floats.
 */
void widen(const void *from, enum dtype type, float *to, int64_t n);

/** narrow() - @n floats as elements of @type, rounded to nearest even. */
void narrow(const float *from, enum dtype type, void *to, int64_t n);

/**
 * floats_at() - elements @at ... @at + @n - 1 of an array as floats: in place if that is
 * what they are, else converted into @part.
 */
static inline const float *floats_at(const void *data, enum dtype type, int64_t at,
				     float *part, int64_t n)
{
	const void *from = data_at(data, type, at);

	if (type == DT_F32)
		return from;
	widen(from, type, part, n);
	return part;
}

#endif
