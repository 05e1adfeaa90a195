// SPDX-License-Identifier: MIT
#include "arch/cpu/attention-decode.h"

#include "arch/cpu/simd.h"
#include "arch/cpu/simd-max.h"
#include "tensor/dtype.h"

#define KERNEL(name) name##_plain
#define KERNEL_TARGET
#define LANES 4
#define VEC_MAX(any, x, y) (any)
#define LOAD_F16(v, at)								\
	do {									\
		for (int i_ = 0; i_ < 4; i_++)					\
			(v)[i_] = f16_to_f32((at)[i_]);				\
	} while (0)
#define FIRST_HALVES(x, y) __builtin_shufflevector(x, y, 0, 4, 1, 5)
#define SECOND_HALVES(x, y) __builtin_shufflevector(x, y, 2, 6, 3, 7)
#include "arch/cpu/attention-decode-kernel.h"

#define KERNEL(name) name##_avx2
#define KERNEL_TARGET SIMD_AVX2
#define LANES 8
#define VEC_MAX SIMD_MAX_AVX2
#define LOAD_F16 simd_load_f16
#define FIRST_HALVES(x, y) __builtin_shufflevector(x, y, 0, 8, 1, 9, 2, 10, 3, 11)
#define SECOND_HALVES(x, y) __builtin_shufflevector(x, y, 4, 12, 5, 13, 6, 14, 7, 15)
#include "arch/cpu/attention-decode-kernel.h"

#define KERNEL(name) name##_avx512
#define KERNEL_TARGET SIMD_AVX512
#define LANES 16
#define VEC_MAX SIMD_MAX_AVX512
#define LOAD_F16 simd_load_f16
#define FIRST_HALVES(x, y) __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, \
						   5, 21, 6, 22, 7, 23)
#define SECOND_HALVES(x, y) __builtin_shufflevector(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, \
						    13, 29, 14, 30, 15, 31)
#include "arch/cpu/attention-decode-kernel.h"

static const struct decode_simd plain = { score_plain, widen_plain, weights_plain, mix_plain },
	avx2 = { score_avx2, widen_avx2, weights_avx2, mix_avx2 },
	avx512 = { score_avx512, widen_avx512, weights_avx512, mix_avx512 };

const struct decode_simd *decode_simd(void)
{
	if (simd_level() >= SIMD_LEVEL_AVX512)
		return &avx512;
	return simd_level() >= SIMD_LEVEL_AVX2 ? &avx2 : &plain;
}
