/* SPDX-License-Identifier: MIT */
/*
 * Holm's adjustment (1979, "A simple sequentially rejective multiple test procedure"): what
 * is below alpha afterwards holds for all @m tests together, however they depend on each
 * other.
 *
 *	adjusted_(i) = max over j <= i of min(1, (m - j + 1) p_(j))	p_(1) <= p_(2) <= ...
 */
#ifndef STATS_HOLM_H
#define STATS_HOLM_H

/**
 * stats_holm() - adjust @p (m) into @adjusted (m), which may be the same array.
 * A p that is NaN belongs to a test that was not made: it counts as 1, and stays NaN.
 * Return: 0 or -ENOMEM.
 */
int stats_holm(const double *p, int m, double *adjusted);

#endif
