/* SPDX-License-Identifier: MIT */
/*
 * Inverses of positive definite matrices, in fp64, by way of their triangular factor.
 */
#ifndef PRUNE_FACTOR_H
#define PRUNE_FACTOR_H

#include <stdint.h>

/**
 * factor_damp() - add @damp times the mean of the diagonal to the diagonal.
 * @h: (n, n).  Where the diagonal is 0, that is, an input that was never anything but 0, it
 * becomes 1 first.
 */
void factor_damp(double *h, int64_t n, double damp);

/**
 * factor_inverse() - upper triangular U with U^T U = H^-1, in the place of H.
 * @h: (n, n), symmetric; below the diagonal of U there are zeros
 * @what: for messages
 *
 * U is the inverse of the upper triangular R with H = R R^T, a Cholesky factor that begins at
 * the other end: H^-1 itself is never made.  The same bits for any number of threads.
 * Return: 0; -EDOM if @h is not positive definite; -ENOMEM.
 */
int factor_inverse(double *h, int64_t n, const char *what);

/** factor_diagonal() - the diagonal (n) of U^T U. */
void factor_diagonal(const double *u, int64_t n, double *diagonal);

#endif
