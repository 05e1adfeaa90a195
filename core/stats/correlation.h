/* SPDX-License-Identifier: MIT */
/*
 * What a rank correlation is worth: its interval, what chance gives, and what it would be if
 * both series were free of noise.
 */
#ifndef STATS_CORRELATION_H
#define STATS_CORRELATION_H

#include <stddef.h>
#include <stdint.h>

/**
 * stats_rho_interval() - interval of Spearman's rho of @n independent pairs.
 *
 * Fisher's z with the variance of Bonett and Wright (2000, "Sample size requirements for
 * estimating Pearson, Kendall and Spearman correlations", Psychometrika 65):
 *
 *	tanh(atanh(rho) +- z sqrt((1 + rho^2 / 2) / (n - 3)))
 *
 * Weights of one tensor are not independent: of those it says how well this rho is known, and
 * not what another model's would be.  That is seen between seeds.
 * Fewer than four pairs give [-1, 1].
 */
void stats_rho_interval(double rho, size_t n, double level, double *low, double *high);

/**
 * stats_spearman_brown() - reliability of a whole whose two halves correlate by @r:
 * 2r / (1 + r) (Spearman 1910, Brown 1910).
 */
double stats_spearman_brown(double r);

/**
 * stats_disattenuate() - correlation of two series without their noise (Spearman 1904):
 * r / sqrt(reliability_a * reliability_b).
 *
 * The reliability is the correlation of two measurements of the same size as those that @r
 * is of: that of two halves goes through stats_spearman_brown() first.  An estimate may
 * exceed 1, and is not cut.  NaN unless both reliabilities are above 0.
 */
double stats_disattenuate(double r, double reliability_a, double reliability_b);

#endif
