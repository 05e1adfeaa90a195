/* SPDX-License-Identifier: MIT */
/*
 * Verdicts: what may be said of a gain that was measured on pairs.
 *
 * With [L, U] the paired interval of the gain and delta the smallest gain worth claiming:
 *
 *	supported				L > delta
 *	not supported				U < delta
 *	inconclusive at this budget		otherwise
 *
 * and beside that
 *
 *	equivalent				-delta < L and U < delta
 *	reversed				U < -delta
 *
 * Bounds that touch delta decide nothing.  Gains that are all exactly 0, of arms with the same
 * configuration, have the interval [0, 0]: not supported, equivalent.  One pair decides
 * nothing, and gains that are not finite give no verdict.
 *
 * For several arms the same decisions are made of Holm's adjusted p instead of the intervals.
 * Documentation/design/verdicts.md shows how often these words are wrong.
 */
#ifndef STATS_VERDICT_H
#define STATS_VERDICT_H

#include <stdbool.h>

#include "stats/paired.h"

enum verdict_word {
	VERDICT_UNTESTED,		/* nothing was claimed */
	VERDICT_UNFINISHED,		/* measurements are still to come */
	VERDICT_NONE,			/* measurements are missing for good */
	VERDICT_INCONCLUSIVE,
	VERDICT_NOT_SUPPORTED,
	VERDICT_SUPPORTED,
	VERDICT_WORDS
};

/**
 * struct verdict - @equivalent and @reversed are said beside "not supported" only.
 * @p: of the decision: twice the smaller of the one-sided p of "gain <= delta" and
 *	"gain >= delta".  "inconclusive" is p >= 1 - level.  NaN if nothing was tested.
 * @p_adjusted: the same after Holm's adjustment; of a single contrast the same number
 */
struct verdict {
	enum verdict_word word;
	bool equivalent, reversed;
	double p, p_adjusted;
};

/**
 * verdict_name() - "untested", "unfinished", "no verdict", "inconclusive at this budget",
 * "not supported", "supported".
 */
const char *verdict_name(enum verdict_word word);

/** verdict_of() - of one contrast that was named before the run; delta >= 0. */
struct verdict verdict_of(const struct stats_paired *gain, double delta);

/**
 * verdict_family() - of @m contrasts: the chance that any of those whose true gain is delta
 * gets another word than "inconclusive" is at most 1 - level, whatever the others are
 * (Holm 1979).  "equivalent" and "reversed" are adjusted in the same way, each by itself.
 * @gain: (m); one with n = 0 stands for a contrast that could not be measured: it counts as
 *	one that shows nothing, and its word is VERDICT_NONE
 * Return: 0 or -ENOMEM.
 */
int verdict_family(const struct stats_paired *gain, int m, double delta, struct verdict *v);

#endif
