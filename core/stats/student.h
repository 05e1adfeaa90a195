/* SPDX-License-Identifier: MIT */
/*
 * Student's t distribution and the noncentral one, by the incomplete beta function.
 *
 *	P(T > t) = I_x(df / 2, 1/2) / 2		x = df / (df + t^2), t >= 0	DLMF 8.17.19
 *
 * df need not be whole.
 */
#ifndef STATS_STUDENT_H
#define STATS_STUDENT_H

/** stats_t_upper() - P(T > t), with all its digits in the tail. */
double stats_t_upper(double t, double df);

/** stats_t_quantile() - the t with P(T <= t) = @p, in (0, 1); -inf and inf at its ends. */
double stats_t_quantile(double p, double df);

#define STATS_NCT_MAX 1000	/* of |nc|: time is proportional to it */

/**
 * stats_nct_cdf() - P(T <= t) for T = (Z + nc) / sqrt(chi^2(df) / df).
 * @nc: noncentrality, at most STATS_NCT_MAX either way, else NaN
 *
 * The series of Lenth (1989, AS 243), summed from its largest term outwards (Benton and
 * Krishnamoorthy 2003).  The absolute error is about 1e-13.
 */
double stats_nct_cdf(double t, double df, double nc);

#endif
