/* SPDX-License-Identifier: MIT */
/*
 * Instruction sets of the CPU that runs the program.
 *
 * The binary is compiled for the oldest CPU of its architecture; faster code is chosen
 * at run time.  Two ways:
 *
 *	SIMD_CLONES static void f(...)	the compiler vectorizes plain loops once for each
 *					level and the dynamic linker chooses
 *	SIMD_AVX512 static void f(...)	code written for one level (GCC vector types are
 *					split before clones are made: use this for them);
 *					the caller asks simd_level()
 *
 * One machine always takes the same code, so the bits of a result do not change from
 * run to run.  AVX2 and AVX-512 code that adds in the same order gives the same bits.
 */
#ifndef ARCH_CPU_SIMD_H
#define ARCH_CPU_SIMD_H

#include <stdbool.h>

enum simd_level {
	SIMD_LEVEL_PLAIN,	/* what the compiler's default target has: SSE2, NEON */
	SIMD_LEVEL_AVX2,	/* with FMA and F16C */
	SIMD_LEVEL_AVX512,	/* F, VL, BW, DQ */
	SIMD_LEVEL_AVX512_BF16,	/* with BF16: dot products of pairs */
};

#if defined(__clang__)
#define SIMD_WIDE
#else
#define SIMD_WIDE ",prefer-vector-width=512"	/* what the compiler vectorizes, too */
#endif
#if defined(__x86_64__) && IS_ENABLED(CONFIG_CPU_SIMD)
#define SIMD_AVX2	__attribute__((target("avx2,fma")))
#define SIMD_AVX512							\
	__attribute__((target("avx2,fma,avx512f,avx512vl,avx512bw,avx512dq" SIMD_WIDE)))
#define SIMD_AVX512_BF16						\
	__attribute__((target("avx2,fma,avx512f,avx512vl,avx512bw,avx512dq,avx512bf16" SIMD_WIDE)))
#else
#define SIMD_AVX2
#define SIMD_AVX512
#define SIMD_AVX512_BF16
#endif

/* Hold vector @x in a register: do not load it again, or broadcast it again, for each use. */
#if defined(__x86_64__) && IS_ENABLED(CONFIG_CPU_SIMD)
#define SIMD_KEEP(x) __asm__("" : "+v"(x))
#else
#define SIMD_KEEP(x) ((void)(x))
#endif

/*
 * simd_dot_bf16(s, a, b) - s[l] + the two products of the bf16 in lane l of @a and @b.  Only
 * in SIMD_AVX512_BF16 functions, which run at SIMD_LEVEL_AVX512_BF16.
 */
#if defined(__x86_64__) && IS_ENABLED(CONFIG_CPU_SIMD)
#define simd_dot_bf16(s, a, b) __extension__({				\
	__typeof__(s) sum_ = (s);					\
	__asm__("vdpbf16ps %2, %1, %0" : "+v"(sum_) : "v"(a), "v"(b));	\
	sum_; })
#else
#define simd_dot_bf16(s, a, b) ((s) + 0 * (a) * (b))	/* never runs */
#endif

/*
 * simd_load_f16(v, at) - f16 from @at on as the floats of vector @v, 8 or 16 of them.  Only in
 * SIMD_AVX2 and SIMD_AVX512 functions: whoever has AVX2 has F16C.
 */
#if defined(__x86_64__) && IS_ENABLED(CONFIG_CPU_SIMD)
#define simd_load_f16(v, at) __extension__({					\
	const struct { char bytes[sizeof(v) / 2]; } *half_ = (const void *)(at);	\
	__asm__("vcvtph2ps %1, %0" : "=v"(v) : "m"(*half_)); })
#else
#define simd_load_f16(v, at) ((v) = (v) * 0)	/* never runs */
#endif

/*
 * Sanitizers cannot instrument the resolvers, which run before they are set up.  clang 14's
 * are global: those of static functions of one name in two files clash at the link.
 */
#if IS_ENABLED(CONFIG_CPU_SIMD) && defined(__x86_64__) && defined(__linux__) && \
	!defined(__SANITIZE_ADDRESS__) && \
	!defined(__SANITIZE_THREAD__) && !defined(KNLP_SANITIZE) && !defined(__clang__)
#if IS_ENABLED(CONFIG_CPU_AVX512)
#define SIMD_CLONES \
	__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SIMD_CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#endif
#else
#define SIMD_CLONES
#endif

/* SIMD_SMALL - size counts, speed does not. */
#define SIMD_SMALL \
	(IS_ENABLED(CONFIG_CC_OPTIMIZE_FOR_SIZE) && !IS_ENABLED(CONFIG_CPU_SIMD))

/*
 * What SIMD_CLONES functions call must be inlined, or it stays code for any CPU; so must
 * functions that take constants or vectors.  Small programs have one copy of each instead.
 */
#if SIMD_SMALL
#define SIMD_INLINE static inline
#else
#define SIMD_INLINE static inline __attribute__((always_inline))
#endif

/* In front of a short loop over registers: leave no loop. */
#if SIMD_SMALL
#define SIMD_UNROLL
#elif defined(__clang__)
#define SIMD_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SIMD_UNROLL _Pragma("GCC unroll 16")
#endif

#if IS_ENABLED(CONFIG_CPU_SIMD)

/** simd_vnni() - from SIMD_LEVEL_AVX512 on: VNNI and VBMI as well? */
bool simd_vnni(void);

/** simd_level() - the best level that this CPU has and simd_limit() allows. */
enum simd_level simd_level(void);

/** simd_limit() - use at most @level from now on: op_levels and gemm test every one. */
void simd_limit(enum simd_level level);

#else

static inline bool simd_vnni(void)
{
	return false;
}

static inline enum simd_level simd_level(void)
{
	return SIMD_LEVEL_PLAIN;
}

static inline void simd_limit(enum simd_level level)
{
	(void)level;
}

#endif

#endif
