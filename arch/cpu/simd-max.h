/* SPDX-License-Identifier: MIT */
/*
 * The larger of two vectors by one instruction, which GCC's vector types cannot express:
 * SIMD_MAX_...(any, x, y) with @any what to take on other processors.  @y if one is NaN.
 */
#ifndef ARCH_CPU_SIMD_MAX_H
#define ARCH_CPU_SIMD_MAX_H

#if defined(__x86_64__) && IS_ENABLED(CONFIG_CPU_SIMD)
#include <immintrin.h>
#define SIMD_MAX_AVX2(any, x, y)	_mm256_max_ps(x, y)
#define SIMD_MAX_AVX512(any, x, y)	_mm512_max_ps(x, y)
#else
#define SIMD_MAX_AVX2(any, x, y)	(any)
#define SIMD_MAX_AVX512(any, x, y)	(any)
#endif

#endif
