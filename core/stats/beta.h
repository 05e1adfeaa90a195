/* SPDX-License-Identifier: MIT */
/*
 * The regularized incomplete beta function I_x(a, b), of which Student's distributions are
 * made: DLMF 8.17.2, by the continued fraction 8.17.22.
 */
#ifndef STATS_BETA_H
#define STATS_BETA_H

/**
 * stats_log_beta() - ln B(a, b), for a, b > 0, to about 1e-14 of its parts: beyond 10 by
 * Stirling's series (DLMF 5.11.1) in a form in which nothing large is subtracted.
 */
double stats_log_beta(double a, double b);

/**
 * stats_beta() - I_x(a, b) for a, b > 0.
 * @x, @y: x in [0, 1] and 1 - x: whichever is small carries the digits
 *
 * The relative error is about 1e-13 for a and b of a few thousand or less.
 */
double stats_beta(double a, double b, double x, double y);

#endif
