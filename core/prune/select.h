/* SPDX-License-Identifier: MIT */
/*
 * From scores to masks: the one path that all criteria take.
 *
 * The lowest scores are dropped, as many as are asked for and not one more or less.  Equal
 * scores are dropped in the order of their places, -0 is 0, NaN is lower than all numbers.
 * Which weights are kept does not depend on the number of threads: the threshold is found by
 * counting bits of the scores' order (a radix selection), not by sampling and not by sorting.
 */
#ifndef PRUNE_SELECT_H
#define PRUNE_SELECT_H

#include <stdint.h>

/**
 * struct select_part - a tensor, or a part of a choice that goes over several tensors.
 * @score: (nr), higher is kept
 * @before: NULL, or another mask: what it dropped stays dropped (a monotone choice), also if
 *	that is more than was asked for
 * @mask: the result
 */
struct select_part {
	const float *score;
	const uint64_t *before;
	uint64_t *mask;
	int64_t nr;
};

/**
 * select_lowest() - drop the @drop lowest of all parts together.
 * @drop: 0 to the sum of @nr
 *
 * Return: 0 or -ENOMEM.
 */
int select_lowest(const struct select_part *parts, int nr_parts, int64_t drop);

/** select_rows() - drop the @drop lowest of each row of @cols scores, @p->nr / @cols rows. */
void select_rows(const struct select_part *p, int64_t cols, int64_t drop);

/** SELECT_GROUP_MAX - the largest group. */
#define SELECT_GROUP_MAX 64

/**
 * select_groups() - keep the @keep highest in each group of @of neighbours along a row.
 * @p: its rows are multiples of @of
 */
void select_groups(const struct select_part *p, int keep, int of);

/** select_count() - how many of @nr a share is: rounded down, but 0.3 of 10 is 3. */
static inline int64_t select_count(double share, int64_t nr)
{
	return (int64_t)(share * (double)nr + 1e-6);
}

/** select_value() - number @at (from 0) of all scores in order; masks are not looked at. */
int select_value(const struct select_part *parts, int nr_parts, int64_t at, float *value);

/** select_key() - what scores are compared by: the order of floats, as an unsigned number. */
uint32_t select_key(float score);

#endif
