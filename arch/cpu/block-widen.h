/* SPDX-License-Identifier: MIT */
/* Blocks of weights to floats. */
#ifndef ARCH_CPU_BLOCK_WIDEN_H
#define ARCH_CPU_BLOCK_WIDEN_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/dtype.h"

/**
 * block_widen() - @n elements, whole blocks of a type that is compiled in, to floats: the bits
 * of dtype_decode(), with AVX-512 where block_widen_vnni() may be used.
 */
void block_widen(enum dtype type, const void *blocks, float *to, int64_t n);

#if defined(__x86_64__) && IS_ENABLED(CONFIG_CPU_AVX512)
void block_widen_vnni(enum dtype type, const void *blocks, float *to, int64_t n);
#else
static inline void block_widen_vnni(enum dtype type, const void *blocks, float *to, int64_t n)
{
}
#endif

#endif
