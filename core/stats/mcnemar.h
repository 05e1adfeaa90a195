/* SPDX-License-Identifier: MIT */
/* McNemar's exact test of two answers, right or wrong, to the same questions. */
#ifndef STATS_MCNEMAR_H
#define STATS_MCNEMAR_H

#include <stdint.h>

/**
 * stats_mcnemar() - two-sided p of "neither is right more often".
 * @b: units that only the first got right
 * @c: units that only the second got right
 *
 * Given the b + c units that tell them apart, b is binomial with p = 1/2 (McNemar 1947, with
 * exact probabilities): p = min(1, 2 P(X <= min(b, c))).
 */
double stats_mcnemar(int64_t b, int64_t c);

#endif
