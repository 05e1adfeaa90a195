/* SPDX-License-Identifier: MIT */
/*
 * Sequences that begin alike, with what they share read once: the endings of a context.
 *
 * A batch is of several such groups, a row of the cache of keys and values each.  The shared
 * tokens of all groups are read in one run; then the first ending of each group, which is
 * taken back, then the second ones, and so on.
 */
#ifndef EVAL_BRANCHES_H
#define EVAL_BRANCHES_H

#include "eval/scorer.h"

struct branches;

/**
 * struct branches_options - sizes.
 * @rows: groups at once
 * @shared, @tail: tokens of a group that are read once, and of an ending, at most
 */
struct branches_options {
	int rows, shared, tail;
};

int branches_new(struct eval_model *em, const struct branches_options *o, struct branches **b);
void branches_free(struct branches *b);

/** branches_bytes() - of the cache that a row takes for @tokens tokens. */
size_t branches_bytes(const struct eval_model *em, int tokens);

/**
 * struct branch_group - sequences that begin with the same @shared tokens, of which none is
 * predicted but the first.
 * @seqs: (nr); those of the same place in all groups are read together
 */
struct branch_group {
	const struct score_seq **seqs;
	int nr, shared;
};

/** branches_run() - fill the scores of @nr groups, at most as many as there are rows. */
int branches_run(struct branches *b, const struct branch_group *groups, int nr);

#endif
