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

#define MM_AHEAD 8

/** struct mm_rows - @nr rows of @lines cache lines each, from @at on and @stride bytes apart. */
struct mm_rows {
	const char *at;
	int64_t stride, nr, lines;
};

/**
 * struct mm_ahead - what comes from memory meanwhile: each step of a product asks for a line.
 *
 * The caches' own prefetchers do not follow the rows of one head.  Asked for all at once,
 * the lines would fill the queue that the products' own loads wait in.
 *
 * @left: of these rows; the last is first
 * @row, @line: where to go on
 */
struct mm_ahead {
	struct mm_rows rows[MM_AHEAD];
	int left;
	int64_t row, line;
};

/**
 * struct mm - C (m, n) = A (m, k) B (k, n), or C += A B.
 * @n: a multiple of MM_COLS
 * @a: A(i, p) is a[i * a_row + p * a_col]: any view, transposed or not
 * @b: B(p, j) is b[p * b_row + j]
 * @c: C(i, j) is c[i * c_row + j]; may not overlap A or B
 * @ahead: or NULL
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
	struct mm_ahead *ahead;
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
