// SPDX-License-Identifier: MIT
#include "arch/cpu/mm.h"

#include "arch/cpu/simd.h"

/* Longest run of k of columns that do not fill a vector. */
#define EDGE_K 128

#define KERNEL(name) name##_plain
#define KERNEL_TARGET
#define LANES 4
#include "arch/cpu/mm-kernel.h"

#define KERNEL(name) name##_avx2
#define KERNEL_TARGET SIMD_AVX2
#define LANES 8
#include "arch/cpu/mm-kernel.h"

#define KERNEL(name) name##_avx512
#define KERNEL_TARGET SIMD_AVX512
#define LANES 16
#include "arch/cpu/mm-kernel.h"

void mm_run(const struct mm *p)
{
	switch (simd_level()) {
	case SIMD_LEVEL_AVX512_BF16:
	case SIMD_LEVEL_AVX512:
		mm_avx512(p);
		break;
	case SIMD_LEVEL_AVX2:
		mm_avx2(p);
		break;
	default:
		mm_plain(p);
	}
}
