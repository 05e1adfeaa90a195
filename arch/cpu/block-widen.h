/* SPDX-License-Identifier: MIT */
/* Blocks of weights to floats. */
#ifndef ARCH_CPU_BLOCK_WIDEN_H
#define ARCH_CPU_BLOCK_WIDEN_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/dtype.h"

/**
 * block_widen() - @n elements, whole blocks of a type that is compiled in, to floats: the bits
 * of dtype_decode(), in the fastest way that the processor has.
 */
void block_widen(enum dtype type, const void *blocks, float *to, int64_t n);

#if defined(__x86_64__) && IS_ENABLED(CONFIG_CPU_SIMD)
/* From SIMD_LEVEL_AVX2 on. */
void block_widen_avx2(enum dtype type, const void *blocks, float *to, int64_t n);
#else
static inline void block_widen_avx2(enum dtype type, const void *blocks, float *to, int64_t n)
{
}
#endif

#if defined(__x86_64__) && IS_ENABLED(CONFIG_CPU_AVX512)
void block_widen_vnni(enum dtype type, const void *blocks, float *to, int64_t n);
#else
static inline void block_widen_vnni(enum dtype type, const void *blocks, float *to, int64_t n)
{
}
#endif

#endif
