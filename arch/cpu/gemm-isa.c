// SPDX-License-Identifier: MIT
#include "arch/cpu/gemm-isa.h"

#include <string.h>

#include "arch/cpu/activation.h"
#include "arch/cpu/convert.h"
#include "arch/cpu/simd.h"

typedef uint32_t word_at __attribute__((aligned(2), may_alias));
typedef float vec16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint32_t word16 __attribute__((vector_size(64)));
typedef uint16_t half16 __attribute__((vector_size(32), aligned(2), may_alias));

#define MULTIPLY_ADD(s, a, b) ((s) += (a) * (b))

#define KERNEL(name) plain_##name
#define KERNEL_TARGET
#define LANES_ 4
#define ROWS 4
#define STEP MULTIPLY_ADD
#define PAIRS false
#include "arch/cpu/gemm-kernel.h"

#define KERNEL(name) avx2_##name
#define KERNEL_TARGET SIMD_AVX2
#define LANES_ 8
#define ROWS 4
#define STEP MULTIPLY_ADD
#define PAIRS false
#include "arch/cpu/gemm-kernel.h"

#define KERNEL(name) avx512_##name
#define KERNEL_TARGET SIMD_AVX512
#define LANES_ 16
#define ROWS 8
#define STEP MULTIPLY_ADD
#define PAIRS false
#include "arch/cpu/gemm-kernel.h"

#define KERNEL(name) bf16_##name
#define KERNEL_TARGET SIMD_AVX512_BF16
#define LANES_ 16
#define ROWS 8
#define STEP(s, a, b) ((s) = simd_dot_bf16(s, a, b))
#define PAIRS true
#include "arch/cpu/gemm-kernel.h"

/* Two operands that are, or may become, bf16. */
static bool is_bf16(const struct gemm *g)
{
	bool a = g->a_type == DT_BF16, b = g->b_type == DT_BF16;

	return g->round ? a || b : a && b;
}

const struct gemm_isa *gemm_isa(const struct gemm *g)
{
	switch (simd_level()) {
	case SIMD_LEVEL_AVX512_BF16:
		return is_bf16(g) ? &bf16_isa : &avx512_isa;
	case SIMD_LEVEL_AVX512:
		return &avx512_isa;
	case SIMD_LEVEL_AVX2:
		return &avx2_isa;
	default:
		return &plain_isa;
	}
}
