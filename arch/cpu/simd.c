// SPDX-License-Identifier: MIT
#include "arch/cpu/simd.h"

#if defined(__x86_64__)
#define HAS(feature) __builtin_cpu_supports(feature)
#else
#define HAS(feature) 0
#endif

static enum simd_level limit = SIMD_LEVEL_AVX512_BF16;

enum simd_level simd_level(void)
{
	enum simd_level level = SIMD_LEVEL_PLAIN;

	/* F16C is older than AVX2 and comes with it; clang 14 cannot ask. */
	if (HAS("avx2") && HAS("fma"))
		level = SIMD_LEVEL_AVX2;
	if (level && IS_ENABLED(CONFIG_CPU_AVX512) && HAS("avx512f") && HAS("avx512vl") &&
	    HAS("avx512bw") && HAS("avx512dq"))
		level = HAS("avx512bf16") ? SIMD_LEVEL_AVX512_BF16 : SIMD_LEVEL_AVX512;
	return level < limit ? level : limit;
}

bool simd_vnni(void)
{
	return simd_level() >= SIMD_LEVEL_AVX512 && HAS("avx512vnni") && HAS("avx512vbmi");
}

void simd_limit(enum simd_level level)
{
	limit = level;
}
