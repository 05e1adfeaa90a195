/* SPDX-License-Identifier: MIT */
/*
 * The scorer: ln p of given tokens behind given tokens.  Every evaluation is made of it.
 *
 * Sequences are sorted by length and read in batches (infer/forward.h); those of one group
 * that begin alike, such as the endings of one context, are read with a cache of what they share
 * (branches.h).  Batches and groups change a score by rounding only.
 */
#ifndef EVAL_SCORER_H
#define EVAL_SCORER_H

#include "base/strbuf.h"
#include "eval/model.h"
#include "infer/head.h"

/**
 * struct score_seq - a sequence of tokens, and which of them to score.
 * @tokens: (nr)
 * @first: the first token that is scored, 1 to @nr - 1; the others follow
 * @unit: of struct score_units
 * @scores: (nr - first): of token @first + i, given all before it
 */
struct score_seq {
	const int32_t *tokens;
	int nr, first;
	size_t unit;
	struct token_score *scores;
};

/**
 * struct score_units - what the sequences are of: chunks, documents, items.
 * @what: is being done, for the progress line, which counts units
 * @nr: how many there are
 * @place: append what unit @unit is called, "FILE:LINE"
 */
struct score_units {
	const char *what;
	size_t nr;
	void (*place)(const void *ctx, size_t unit, struct strbuf *sb);
	const void *ctx;
};

/**
 * scorer_run() - fill the scores of @nr sequences, none longer than the model's context + 1.
 * @groups: so many neighbours each may begin alike, in sum @nr; NULL: none do
 *
 * Return: 0; -EDOM naming the unit if a score is not a number; -errno.
 */
int scorer_run(struct eval_model *em, const struct score_seq *seqs, size_t nr,
	       const int *groups, const struct score_units *units);

/** score_sum() - sum of the ln p of all scored tokens but the first @skip, in fp64. */
double score_sum(const struct score_seq *seq, int skip);

#endif
