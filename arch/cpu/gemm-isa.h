/* SPDX-License-Identifier: MIT */
/*
 * Between gemm.c, which cuts a product up, and the code for one instruction set.
 *
 * Packed operands are panels of 32-bit words: a word is one float, or two bf16 that are
 * neighbours along k.  A panel holds, step by step, the words of GEMM_ROWS rows of A or
 * of gemm_isa.cols columns of B; a step is one k, or two in bf16.  What is beyond the
 * operand's edge is 0.
 */
#ifndef ARCH_CPU_GEMM_ISA_H
#define ARCH_CPU_GEMM_ISA_H

#include "arch/cpu/gemm.h"

#define GEMM_ROWS 8		/* rows of a micro tile */
#define GEMM_MAX_COLS 48	/* columns, at most */
#define GEMM_DOTS 8		/* most rows of A for gemm_isa.dots */

/**
 * struct gemm_micro - where a micro tile goes: @rows x @cols of C from @c on.
 * @a_row: 0: A is a panel.  Else the words of a row are adjacent and its rows are @a_row
 *	bytes apart; there are all GEMM_ROWS of them
 * @ahead, @ahead_step: a line that is asked for with each step, and how many bytes later the
 *	next one: what is packed next comes from memory meanwhile.  Any address will do
 */
struct gemm_micro {
	int64_t a_row;
	float *c;
	int64_t c_row;
	const float *bias;	/* of these columns, or NULL */
	bool add;
	int rows, cols;
	const char *ahead;
	int64_t ahead_step;
};

/** struct gemm_region - @rows x @cols sums at @x that are C from (@row, @col) on. */
struct gemm_region {
	const float *x;
	int64_t x_row;
	int64_t row, col, rows, cols;
};

/**
 * struct gemm_isa - code for one instruction set.
 * @cols: columns of a micro tile
 * @pairs: words are pairs of bf16
 * @micro: a micro tile of sums over @steps, from a panel (or rows) of A and a panel of B
 * @finish: what comes after the sum, for a region of C
 * @dots: out[i * n + j] = A(i, .) B(., col + j) [+ bias], i < m <= GEMM_DOTS, k adjacent in
 *	both: for so few rows of A that packing B would cost more than the product
 */
struct gemm_isa {
	int cols;
	bool pairs;
	void (*micro)(int64_t steps, const void *a, const uint32_t *b,
		      const struct gemm_micro *t);
	void (*finish)(const struct gemm *g, const struct gemm_region *r);
	void (*dots)(const struct gemm *g, int64_t col, int64_t n, float *out);
};

/** gemm_isa() - the code for @g on this CPU. */
const struct gemm_isa *gemm_isa(const struct gemm *g);

/** struct gemm_operand - A or B seen alike: element (d, p) is x[d * d_stride + p * k_stride]. */
struct gemm_operand {
	const void *x;
	enum dtype type;
	int64_t d_stride, k_stride;
};

/**
 * gemm_pack() - panels of @width words of rows (or columns) @d0 ... @d0 + @nd - 1 of @o, over
 * @nk of k from @k0 on.  @nd is a multiple of @width except at the operand's edge.
 */
void gemm_pack(const struct gemm_operand *o, bool pairs, int64_t d0, int64_t nd, int64_t k0,
	       int64_t nk, int width, uint32_t *to);

#endif
