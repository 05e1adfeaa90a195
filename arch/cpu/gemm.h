/* SPDX-License-Identifier: MIT */
/*
 * Matrix products: C = A B, optionally + bias, + C, through an activation.
 *
 * Every operand of every GEMM in knlp is a view of a row-major array or of its
 * transpose, so A and B have a stride for rows and one for columns; one of the two
 * is normally 1.  Goto's scheme (Goto and van de Geijn, "Anatomy of high-performance
 * matrix multiplication", ACM TOMS 34(3), 2008): blocks of A and B are packed, a small
 * tile of C stays in registers while k runs.  The operand of the shorter side is packed
 * once, by all threads, and shared; a tile packs its part of the other.
 *
 * Types: operands are f32 or bf16.  Two bf16 operands are multiplied in bf16 where the
 * CPU can (SIMD_LEVEL_AVX512_BF16: pairs of products, summed in f32, denormals are 0);
 * otherwise as f32.
 *
 * Instead of knlp's own code a library may be built in: see gemm-library.h.
 *
 * Determinism: C is cut into tiles by shape only, and each element is summed over k in
 * blocks whose length depends on shapes and types, in order.  So the bits do not depend
 * on the number of threads, nor, for f32, on whether the CPU has AVX2 or AVX-512
 * (without FMA they differ).  k is not shared out among threads: a tile may be as small as a
 * panel of 8 rows, so that the gradient of a 384 x 384 weight is work for 48 threads.  The
 * tiles of a library are larger: there parts of k belong to the grid (gemm-library.c).
 */
#ifndef ARCH_CPU_GEMM_H
#define ARCH_CPU_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ops/activation.h"
#include "tensor/dtype.h"

/**
 * struct gemm - one product: C (m, n) = act(A (m, k) B (k, n) [+ bias] [+ C]).
 * @a: A(i, p) is a[i * a_row + p * a_col]; @b, @c alike; columns of C are adjacent
 * @a_type, @b_type, @c_type: DT_F32 (0) or DT_BF16.  B may also be f16 or of a block type: its
 *	columns are then contiguous (b_row 1, b_col k), A is f32 and k more than 0
 * @round: an f32 operand may be rounded to bf16 if the other one is bf16
 * @bias: (n) added to each row, or NULL
 * @add: add to C, which is f32; otherwise C is overwritten and may hold anything, NaN
 *	included
 * @act: applied to the sum; ACT_NONE (0): not.  Gated ones do not exist here
 * @before: laid out as C: gets the value that @act is applied to, or NULL
 * @slope_at: laid out as C, or NULL: the sum is multiplied by the slope of @act there
 *	instead of going through @act
 * @scratch: gemm_scratch() bytes
 *
 * C may not overlap A or B.  k = 0 is a sum of nothing.
 */
struct gemm {
	int64_t m, n, k;
	const void *a;
	int64_t a_row, a_col;
	const void *b;
	int64_t b_row, b_col;
	void *c;
	int64_t c_row;
	enum dtype a_type, b_type, c_type;
	bool round;
	const float *bias;
	bool add;
	enum activation act;
	void *before;
	const void *slope_at;
	void *scratch;
};

/**
 * gemm_scratch() - bytes that gemm_run() needs in @scratch for any product whose sizes
 * are at most @m, @n, @k and whose result is of type @c.
 */
size_t gemm_scratch(int64_t m, int64_t n, int64_t k, enum dtype c);

/**
 * gemm_run() - the whole product on the thread pool.
 * Return: 0; what a library failed with, -ENOMEM: C is then undefined.  knlp's own code does
 * not fail.
 */
int gemm_run(const struct gemm *g);

#endif
