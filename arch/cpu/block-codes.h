/* SPDX-License-Identifier: MIT */
/*
 * Blocks of weights as signed bytes in the order of k, for AVX2.  x86-64 only.
 */
#ifndef ARCH_CPU_BLOCK_CODES_H
#define ARCH_CPU_BLOCK_CODES_H

#include <stdint.h>

#include "arch/cpu/simd.h"
#include "tensor/dtype.h"

#define CODES 256	/* whole blocks of every type */

/**
 * struct block_codes - CODES weights: q * scale - min, the last two for 16 of them each.
 */
struct block_codes {
	_Alignas(32) int8_t q[CODES];
	float scale[CODES / 16], min[CODES / 16];
};

/**
 * block_codes() - @n <= CODES elements, whole blocks; the others become 0.  @min is set for
 * types that have it.  From SIMD_LEVEL_AVX2 on.
 */
void block_codes(enum dtype type, const void *blocks, int64_t n, struct block_codes *to);

/** codes_have_min() - do blocks of @type have minima? */
static inline bool codes_have_min(enum dtype type)
{
	return type == DT_Q4_1 || type == DT_Q5_1 || type == DT_Q2_K || type == DT_Q4_K ||
	       type == DT_Q5_K;
}

#endif
