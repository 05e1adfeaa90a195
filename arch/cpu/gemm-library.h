/* SPDX-License-Identifier: MIT */
/*
 * Matrix products by a library, one of those of Kconfig's CPU_GEMM choice, in place of
 * knlp's own.  The library computes tiles, in one thread each: tiles, and parts of k where
 * there are few of them, follow from the shape, so that here, too, the bits do not depend
 * on the number of threads.
 */
#ifndef ARCH_CPU_GEMM_LIBRARY_H
#define ARCH_CPU_GEMM_LIBRARY_H

#include "arch/cpu/gemm.h"

/**
 * struct gemm_part - what a library computes: C (m, n) = A (m, k) B (k, n) [+ C], C f32.
 * Of each operand, one stride is 1.
 */
struct gemm_part {
	int64_t m, n, k;
	const void *a, *b;
	int64_t a_row, a_col, b_row, b_col;
	enum dtype type;	/* of A and B */
	float *c;
	int64_t c_row;
	bool add;
};

/**
 * struct gemm_library - a library.
 * @takes: does it multiply this type on this CPU, fast?
 * @multiply: in the calling thread; any thread may call.  Return: 0, or -errno with a
 *	message
 */
struct gemm_library {
	bool (*takes)(enum dtype type);
	int (*multiply)(const struct gemm_part *p);
};

#if IS_ENABLED(CONFIG_CPU_GEMM_OWN)

static inline bool gemm_library_takes(const struct gemm *g)
{
	return false;
}

static inline int gemm_library_run(const struct gemm *g)
{
	return 0;
}

static inline size_t gemm_library_scratch(int64_t m, int64_t n, int64_t k)
{
	return 0;
}

static inline void gemm_library_limit(bool own)
{
}

#else

extern const struct gemm_library gemm_library;

/** gemm_library_takes() - is @g one for the library? */
bool gemm_library_takes(const struct gemm *g);

/** gemm_library_run() - the whole product on the thread pool.  As gemm_run(). */
int gemm_library_run(const struct gemm *g);

/** gemm_library_scratch() - bytes for any product of at most these sizes. */
size_t gemm_library_scratch(int64_t m, int64_t n, int64_t k);

/** gemm_library_limit() - from now on everything by knlp's own: to compare, in tests. */
void gemm_library_limit(bool own);

#endif

#endif
