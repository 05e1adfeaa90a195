// SPDX-License-Identifier: MIT
#include "arch/cpu/mm.h"

#include <stddef.h>

#include "arch/cpu/simd.h"

/*
 * Where a tile of @steps steps begins to ask for lines and how far apart they are: one column
 * of lines.  What lies behind the last row is asked for as well; no harm is done.
 */
static const char *take_ahead(struct mm_ahead *a, int64_t steps, int64_t *stride)
{
	const struct mm_rows *r = &a->rows[a->left - 1];
	const char *at = r->at + a->row * r->stride + a->line * 64;

	*stride = r->stride;
	a->row += steps;
	if (a->row < r->nr)
		return at;
	a->row = 0;
	if (++a->line == r->lines) {
		a->line = 0;
		a->left--;
	}
	return at;
}

#define KERNEL(name) name##_plain
#define KERNEL_TARGET
#define LANES 4
#define VECS 2
#define PAIRS 0
#include "arch/cpu/mm-kernel.h"

#define KERNEL(name) name##_avx2
#define KERNEL_TARGET SIMD_AVX2
#define LANES 8
#define VECS 2
#define PAIRS 0
#include "arch/cpu/mm-kernel.h"

#define KERNEL(name) name##_avx512
#define KERNEL_TARGET SIMD_AVX512
#define LANES 16
#define VECS 4
#define PAIRS 0
#include "arch/cpu/mm-kernel.h"

#define KERNEL(name) name##_bf16
#define KERNEL_TARGET SIMD_AVX512_BF16
#define LANES 16
#define VECS 4
#define PAIRS 1
#include "arch/cpu/mm-kernel.h"

mm_fn mm_kernel_bf16(void)
{
	return simd_level() >= SIMD_LEVEL_AVX512_BF16 ? mm_bf16 : NULL;
}

mm_fn mm_kernel(void)
{
	switch (simd_level()) {
	case SIMD_LEVEL_AVX512_BF16:
	case SIMD_LEVEL_AVX512:
		return mm_avx512;
	case SIMD_LEVEL_AVX2:
		return mm_avx2;
	default:
		return mm_plain;
	}
}
