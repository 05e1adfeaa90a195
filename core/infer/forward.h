/* SPDX-License-Identifier: MIT */
/*
 * Whole sequences through a model, for evaluation: no cache, all positions at once.
 *
 *	forward_new(m, dev, &options, &f);
 *	forward_run(f, tokens, nr, lengths);
 *	forward_scores(f, row, first, count, targets, scores);	... and so on
 *
 * A run keeps the hidden states of all rows; logits are made of those positions only that
 * are asked for, a chunk at a time.  A row's results depend on its tokens, not on the rows
 * beside it; on the number of rows only by rounding.
 */
#ifndef INFER_FORWARD_H
#define INFER_FORWARD_H

#include <stdint.h>

#include "infer/head.h"
#include "tensor/arch.h"

struct forward;
struct model;

/**
 * struct forward_options - sizes.
 * @rows: sequences at once, at most
 * @length: tokens of each, at most; no more than the model's context
 * @kv: keys and values are rounded to this type, as a cache of that type would hold them;
 *	DT_F32 (0): they are not
 */
struct forward_options {
	int rows, length;
	enum dtype kv;
};

int forward_new(struct model *m, struct device *dev, const struct forward_options *o,
		struct forward **f);
void forward_free(struct forward *f);

/**
 * forward_run() - read @nr sequences, each from its beginning.
 * @tokens: (nr, stride): row r begins at tokens + r * @stride
 * @lengths: tokens of each row, 1 to the options' length; rows of like length cost least
 * Return: 0; -EINVAL if a token is not in the vocabulary; -errno.
 */
int forward_run(struct forward *f, const int32_t *tokens, int stride, int nr,
		const int *lengths);

/**
 * forward_logits() - what follows positions @first ... @first + @count - 1 of row @row.
 * @logits: (count, V), host memory
 */
int forward_logits(struct forward *f, int row, int first, int count, float *logits);

/**
 * forward_scores() - log p and the favourite in place of logits, at a fraction of the cost.
 * @targets: (count): the token that follows each position; negative: none
 * @scores: (count)
 */
int forward_scores(struct forward *f, int row, int first, int count, const int32_t *targets,
		   struct token_score *scores);

/** forward_chunk() - so many positions are done at once: a good @count for loops. */
int forward_chunk(const struct forward *f);

#endif
