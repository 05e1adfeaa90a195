/* SPDX-License-Identifier: MIT */
/*
 * The output matrix, applied to a few hidden states at a time, so that the logits of many
 * positions times a large vocabulary never exist at once.
 */
#ifndef INFER_HEAD_H
#define INFER_HEAD_H

#include <stdint.h>

#include "tensor/graph.h"

struct head;
struct model;
struct plan;

/** struct token_score - what the model said of a token: log p in nats, and its favourite. */
struct token_score {
	float log_p;
	int32_t best;
};

/** head_rows() - how many rows at once are worth it for a vocabulary of @vocab tokens. */
int head_rows(int vocab);

/** head_new() - for up to @rows hidden states at once. */
int head_new(struct model *m, struct device *dev, int rows, struct head **h);
void head_free(struct head *h);

/** head_take() - rows @first ... of @hidden, (..., width), become rows @at ... of the head. */
int head_take(struct head *h, int at, const struct tensor *hidden, int64_t first, int nr);

/** head_plan() - of head_logits(), for timing; NULL before the first. */
struct plan *head_plan(struct head *h);

/** head_logits() - of the first @nr rows: (@nr, V), host memory. */
int head_logits(struct head *h, int nr, float *logits);

/** head_scores() - of the first @nr rows; a negative target has score 0. */
int head_scores(struct head *h, int nr, const int32_t *targets, struct token_score *scores);

#endif
