/* SPDX-License-Identifier: MIT */
/*
 * Matrix products in fp32: C = alpha A B, optionally + bias, optionally + C.
 *
 * Every operand of every GEMM in knlp is a view of a row-major array or of its
 * transpose, so A and B have a stride for rows and one for columns; one of the two
 * is normally 1.  Goto's scheme (Goto and van de Geijn, "Anatomy of high-performance
 * matrix multiplication", ACM TOMS 34(3), 2008): blocks of A and B are packed, a small
 * tile of C stays in registers while k runs.
 *
 * Determinism: C is cut into tiles, and a long k for a small C into splits, by shape
 * only.  Each element is summed over k in blocks of at most GEMM_K, in order, and the
 * splits are added in order.  So the bits do not depend on the number of threads, nor,
 * where alpha is 1, on whether the CPU has AVX2 or AVX-512 (without FMA they differ).
 *
 * Packing buffers are static and thread-local: they do not affect results, so they
 * need not come from the plan; a nested threads_run() runs in its caller's thread, so
 * a slot per thread number would be used twice at once.  Nothing is allocated later.
 */
#ifndef ARCH_CPU_GEMM_H
#define ARCH_CPU_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GEMM_K 256	/* longest run of k that is summed in registers */

/**
 * struct gemm - one product: C (m, n) = alpha A (m, k) B (k, n) [+ bias] [+ C].
 * @a: A(i, p) is a[i * a_row + p * a_col]; @b, @c alike; columns of C are adjacent
 * @bias: (n) added to each row, or NULL
 * @add: add to C; otherwise C is overwritten and may hold anything, NaN included
 * @partial: at least gemm_scratch() bytes, for k-splits; NULL: k is never split
 *
 * C may not overlap A or B.  k = 0 is a sum of nothing: C = bias or 0.
 */
struct gemm {
	int64_t m, n, k;
	const float *a;
	int64_t a_row, a_col;
	const float *b;
	int64_t b_row, b_col;
	float *c;
	int64_t c_row;
	float alpha;
	const float *bias;
	bool add;
	float *partial;
};

/**
 * gemm_scratch() - bytes that gemm_run() needs in @partial for any product whose sizes
 * are at most @m, @n, @k.
 */
size_t gemm_scratch(int64_t m, int64_t n, int64_t k);

/** gemm_run() - the whole product on the thread pool. */
void gemm_run(const struct gemm *g);

/**
 * gemm_tile() - the whole product in the calling thread, @partial unused: for kernels
 * that have their own tiles (attention).  No allocation, any size.
 */
void gemm_tile(const struct gemm *g);

#endif
