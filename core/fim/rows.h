/* SPDX-License-Identifier: MIT */
/*
 * The Fisher information of categorical distributions: the rows p of a head's attention.
 *
 * With respect to its logits a distribution p has F = diag(p) - p p^T.  Over many rows the
 * mean of F is kept; trace(F) = 1 - |p|^2 each.  F 1 = 0, so that its smallest eigenvalue says
 * nothing.
 */
#ifndef FIM_ROWS_H
#define FIM_ROWS_H

#include <stdint.h>

/**
 * struct fim_rows - sums over the rows of one head.
 * @outer: (n (n + 1) / 2) sum of p p^T, rows of the lower triangle behind each other
 * @mean: (n) sum of p
 */
struct fim_rows {
	int64_t n;		/* keys at most */
	int64_t rows;
	double squares;		/* sum of |p|^2 */
	double entropy;		/* sum of -sum p ln p */
	double *mean, *outer;
};

/** struct fim_rows_result - what is said of them. */
struct fim_rows_result {
	double trace;		/* 1 - E|p|^2 */
	double largest;		/* eigenvalue of E[diag(p) - p p^T] */
	double rank;		/* trace^2 / |F|^2, the participation ratio; 0 if F is 0 */
	double entropy;		/* mean, nats */
};

/** fim_rows_bytes() - memory that fim_rows_init() takes. */
uint64_t fim_rows_bytes(int64_t n);

/** fim_rows_init() - for rows of up to @n keys. Return: 0 or -ENOMEM. */
int fim_rows_init(struct fim_rows *r, int64_t n);
void fim_rows_free(struct fim_rows *r);

/**
 * struct fim_rows_batch - the rows of one head in one sequence: row i has weight on keys up to
 * i only.
 *
 * They are packed for the product, which has most of the work: keys by fours, those of all rows
 * behind each other.
 * @n: rows, and keys
 * @p: (ceil(n / 4), n, 4)
 * @squares, @entropy: (n) of each row
 */
struct fim_rows_batch {
	int64_t n;
	double *p, *squares, *entropy;
};

/** fim_rows_batch_bytes() - memory that fim_rows_batch_init() takes. */
uint64_t fim_rows_batch_bytes(int64_t n);

/** fim_rows_batch_init() - for @n rows. Return: 0 or -ENOMEM. */
int fim_rows_batch_init(struct fim_rows_batch *b, int64_t n);
void fim_rows_batch_free(struct fim_rows_batch *b);

/**
 * fim_rows_put() - row @i of @b; threads may put different rows at the same time.
 * @p: (i + 1), of which those before @from are taken for 0
 * @entropy: of the row, nats
 */
void fim_rows_put(struct fim_rows_batch *b, int64_t i, const double *p, int64_t from,
		  double entropy);

/** fim_rows_add() - all rows of @b, by all threads; the bits do not depend on how many. */
void fim_rows_add(struct fim_rows *r, const struct fim_rows_batch *b);

/** fim_rows_result() - of at least one row. Return: 0 or -ENOMEM. */
int fim_rows_result(const struct fim_rows *r, struct fim_rows_result *result);

#endif
