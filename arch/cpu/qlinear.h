/* SPDX-License-Identifier: MIT */
/*
 * Between the kernels of qlinear.
 */
#ifndef ARCH_CPU_QLINEAR_H
#define ARCH_CPU_QLINEAR_H

#include "ops/qlinear.h"

#define QLINEAR_FEW 8	/* rows of x, for which packing the weights would cost too much */

/** struct qlinear - the arguments: y (rows, n) = x (rows, k) w^T + bias, bias may be NULL. */
struct qlinear {
	enum dtype type;
	enum act_round round;
	const char *w;
	const float *x, *bias;
	float *y;
	int64_t rows, n, k;
	char *scratch;
};

/** qlinear_arguments() - of a call. */
struct qlinear qlinear_arguments(const struct call *c);

/**
 * qlinear_tile_rows() - rows of the weights that a tile of few rows of x takes, a multiple of 4:
 * @least or more, 64 at most, between them so many that there are 32 tiles.
 */
static inline int64_t qlinear_tile_rows(const struct qlinear *q, int64_t least)
{
	int64_t rows = q->n / 32 / 4 * 4;

	return rows > 64 ? 64 : rows < least ? least : rows;
}

/** qlinear_row() - row @j of the weights. */
static inline const char *qlinear_row(const struct qlinear *q, int64_t j)
{
	return q->w + dtype_bytes(q->type, j * q->k);
}

/** qlinear_round() - round @x for the weight's type into scratch, as floats. */
void qlinear_round(struct qlinear *q);

/**
 * qlinear_floats() - the product through panels of floats, for many rows, on any processor.
 * qlinear_floats_scratch() - bytes of scratch for it.
 */
int qlinear_floats(const struct qlinear *q);
size_t qlinear_floats_scratch(const struct qlinear *q);

/** qlinear_dots() - few rows, block types, with VNNI. */
void qlinear_dots(const struct qlinear *q);
size_t qlinear_dots_scratch(const struct qlinear *q);

/** qlinear_half_dots() - few rows, f16 and bf16, with AVX-512. */
void qlinear_half_dots(const struct qlinear *q);

/** qlinear_gemm() - rounded activations, block types, with VNNI. */
void qlinear_gemm(const struct qlinear *q);
size_t qlinear_gemm_scratch(const struct qlinear *q);

#endif
