/* SPDX-License-Identifier: MIT */
/*
 * Between the kernels of sparse_linear.
 *
 * Few rows of x: the stored elements of a row of the weight are read once, spread to where they
 * belong in registers, and multiplied.  Many rows: a tile of rows of the weight becomes floats,
 * and the dense product is taken.  A row of x and one of the weight meet in one order, whatever
 * else is computed: the bits depend neither on the number of rows nor on the threads.
 */
#ifndef ARCH_CPU_SPARSE_LINEAR_H
#define ARCH_CPU_SPARSE_LINEAR_H

#include "block/sparse.h"
#include "ops/sparse-linear.h"

#define SPARSE_FEW 8	/* rows of x, for which spreading the weight in memory costs too much */
#define SPARSE_ROWS 4	/* of x at once */

/** struct sparse_job - the arguments: y (rows, n) = x (rows, k) w^T + bias, which may be NULL. */
struct sparse_job {
	struct sparse_matrix w;
	enum act_round round;
	const float *x, *bias;
	float *y;
	int64_t rows, n, k;
	char *scratch;
};

/**
 * struct sparse_code - what depends on the instruction set.
 * @dots: rows @from to @to - 1 of w times @rows (1, 2 or 4) rows of x from @r on; no bias
 * @expand: row @j of w as floats
 */
struct sparse_code {
	void (*dots)(const struct sparse_job *q, int64_t r, int rows, int64_t from, int64_t to);
	void (*expand)(const struct sparse_job *q, int64_t j, float *to);
};

/** sparse_pair_mask - of a group of 2:4, four bits: which of its elements are stored. */
extern const uint8_t sparse_pair_mask[16];

/** sparse_mask_byte() - which of eight elements are stored, of their byte of places. */
static inline uint8_t sparse_mask_byte(enum sparse_kind kind, uint8_t places)
{
	if (kind == SPARSE_MASK)
		return places;
	return sparse_pair_mask[places & 15] | sparse_pair_mask[places >> 4] << 4;
}

/** sparse_linear_run() - the whole op. */
int sparse_linear_run(const struct call *c, const struct sparse_code *code);
/** sparse_linear_scratch() - bytes of scratch of any kernel. */
size_t sparse_linear_scratch(const struct call *c);

#endif
