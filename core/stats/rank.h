/* SPDX-License-Identifier: MIT */
/*
 * Orders and ranks of whole tensors, and what two of them have in common.
 *
 * An order is made by a radix sort of the floats' bits, in time proportional to their number;
 * everything below follows from orders and ranks, so that a tensor is sorted once for all its
 * comparisons.  Elements are at most RANK_MAX.
 */
#ifndef STATS_RANK_H
#define STATS_RANK_H

#include <stddef.h>
#include <stdint.h>

#define RANK_MAX ((size_t)1 << 30)

/**
 * stats_order() - indices of @x (n), from the smallest element to the largest; equal ones,
 * such as 0 and -0, in the order of their indices.
 * Return: 0; -EDOM naming the element if one is NaN; -E2BIG; -ENOMEM (16 bytes an element).
 */
int stats_order(const float *x, size_t n, uint32_t *order);

/**
 * stats_ranks() - ranks from 1 to @n, doubled so that they are whole: equal elements share
 * the mean of their ranks.
 * @order: of @x
 * @twice: (n), by index
 */
void stats_ranks(const float *x, const uint32_t *order, size_t n, uint32_t *twice);

/**
 * stats_rank_correlation() - Spearman's rho: Pearson's correlation of ranks (Spearman 1904;
 * with ties, Kendall 1948), in [-1, 1].  NaN for fewer than two elements, or if all of either
 * are equal.
 */
double stats_rank_correlation(const uint32_t *twice_a, const uint32_t *twice_b, size_t n);

/** stats_spearman() - the same from two tensors. Return: as stats_order(). */
int stats_spearman(const float *a, const float *b, size_t n, double *rho);

/**
 * stats_overlap() - Jaccard index |A and B| / |A or B| of the @k largest of each.
 * @order_a, @order_b: (n); of equal elements at the cut those with the larger index are in
 * Return: 0; -EINVAL unless 1 <= k <= n; -ENOMEM.
 */
int stats_overlap(const uint32_t *order_a, const uint32_t *order_b, size_t n, size_t k,
		  double *jaccard);

/** stats_overlap_chance() - what two random choices of @k have on the average: k / (2n - k). */
double stats_overlap_chance(size_t n, size_t k);

#endif
