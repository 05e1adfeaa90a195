/* SPDX-License-Identifier: MIT */
/*
 * Products of small matrices that lie in cache: for kernels that work on blocks of a few
 * dozen rows (attention).  Large products belong to gemm.h.
 */
#ifndef ARCH_CPU_MM_H
#define ARCH_CPU_MM_H

#include <stdbool.h>
#include <stdint.h>

#define MM_COLS 16	/* the columns of a product are a multiple of this */

/**
 * struct mm - C (m, n) = A (m, k) B (k, n), or C += A B.
 * @n: a multiple of MM_COLS
 * @a: A(i, p) is a[i * a_row + p * a_col]: any view, transposed or not
 * @b: B(p, j) is b[p * b_row + j]
 * @c: C(i, j) is c[i * c_row + j]; may not overlap A or B
 *
 * Element (i, j) is summed over p in order and then added to C, so its bits do not depend
 * on m and n.  k = 0 is a sum of nothing.
 */
struct mm {
	int64_t m, n, k;
	const float *a;
	int64_t a_row, a_col;
	const float *b;
	int64_t b_row;
	float *c;
	int64_t c_row;
	bool add;
};

/** typedef mm_fn - compute a product in the calling thread. */
typedef void (*mm_fn)(const struct mm *p);

/** mm_kernel() - the fastest for this processor. */
mm_fn mm_kernel(void);

/**
 * mm_kernel_bf16() - for words of A and B that are two bf16 which are neighbours in k:
 * each word of A with each of B adds two products to C.  NULL if the processor has none.
 */
mm_fn mm_kernel_bf16(void);

#endif
