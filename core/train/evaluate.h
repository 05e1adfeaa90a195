/* SPDX-License-Identifier: MIT */
/*
 * Loss of a language model on held-out windows.
 */
#ifndef TRAIN_EVALUATE_H
#define TRAIN_EVALUATE_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/arch.h"

struct dataset;
struct evaluator;
struct model;

/** struct eval_result - a held-out evaluation. */
struct eval_result {
	int64_t tokens;		/* targets counted */
	int64_t bytes;		/* of text that those tokens stand for */
	double nats;		/* sum of -ln p */
};

/** eval_loss() - nats per token. */
double eval_loss(const struct eval_result *e);
/** eval_ppl() - exp(nats per token). */
double eval_ppl(const struct eval_result *e);
/** eval_per_byte() - nats per byte of text; NaN if the tokens stand for none. */
double eval_per_byte(const struct eval_result *e);

/**
 * evaluator_new() - build and plan the graph that gives per-token losses.
 * @batch, @context: sizes of a run; @context at most the model's
 * @doc_mask: attention stays inside documents
 * @dry: plan only
 */
int evaluator_new(struct model *m, struct device *dev, int batch, int context, bool doc_mask,
		  bool dry, struct evaluator **e);
void evaluator_free(struct evaluator *e);

/** evaluator_bytes() - device memory that it takes for intermediates and batches. */
size_t evaluator_bytes(const struct evaluator *e);

/**
 * evaluator_run() - the first windows of the validation split, in order, until
 * @max_tokens targets are counted (0: all of the split).
 *
 * The sum is taken in fp64 in the order of the stream: batch size and threads do not
 * change it.
 * Return: 0; -EDOM if a loss is not finite, naming the first op and tensor that made it;
 * -errno.
 */
int evaluator_run(struct evaluator *e, struct dataset *data, uint64_t max_tokens,
		  struct eval_result *result);

/** evaluator_plan() - for listing kernels and costs. */
struct plan *evaluator_plan(struct evaluator *e);

#endif
