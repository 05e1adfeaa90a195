/* SPDX-License-Identifier: MIT */
/*
 * A pass: the model in floats, and a graph that sees one sequence at a time.
 *
 * Estimates take one sequence per run, whatever the unit, so that a gradient that lies in
 * the segment is that of one sequence, ties, biases and norms included.
 */
#ifndef FIM_PASS_H
#define FIM_PASS_H

#include "fim/estimate.h"
#include "nn/model.h"
#include "tensor/plan.h"
#include "tensor/segment.h"
#include "train/feed.h"

/** Small values that kernels read: byte offsets in the scalars buffer. */
enum fim_scalar {
	FIM_LOSS_SCALE = 0,	/* f32: 1, so that gradients are of sums of losses */
	FIM_KEY = 64,		/* i64 (2): seed, step */
	FIM_ADD = 128,		/* i32: add to the gradients (1) or overwrite them (0) */
	FIM_ADD_SQUARES = 192,	/* i32: the same for sums of squares */
	FIM_SCALARS = 256
};

/**
 * struct fim_pass - model, inputs, graph, plan.
 * @b: builder of the graph; @b.training says whether gradients are bound
 * @rows: sequences in a run: 1, but for measuring
 * @add: the flag FIM_ADD in the graph
 * @loss: sum over the tokens of a run, or NULL
 */
struct fim_pass {
	struct fim_job *job;
	bool dry;
	int rows;
	struct model *model;
	struct feed *feed;
	struct buffer *scalars;
	struct graph *graph;
	struct feed_inputs in;
	struct builder b;
	struct tensor *add, *loss;
	struct plan *plan;
};

/** struct fim_stage - another graph, over segments only. */
struct fim_stage {
	struct graph *graph;
	struct plan *plan;
};

/** fim_stage_plan() - plan what was built into s->graph. */
int fim_stage_plan(const struct fim_pass *p, struct fim_stage *s);
void fim_stage_free(struct fim_stage *s);

/** fim_stage_bytes() - device memory of its intermediates. */
size_t fim_stage_bytes(const struct fim_stage *s);

/**
 * FIM_BLOCK - squares, or products, that are added up in fp32 before they go to the sum of
 * all: so a sum of a million keeps its digits, for one more pass over the weights in each
 * block.
 */
#define FIM_BLOCK 64

/** fim_fold_build() - the stage @to += @block. */
int fim_fold_build(const struct fim_pass *p, const struct segment *block,
		   const struct segment *to, struct fim_stage *s);

/**
 * fim_pass_begin() - model, feed and an empty graph with its inputs.
 * @rows: sequences in a run
 * @gradients: of all weights, in a segment
 * @dry: plan only
 *
 * fim_pass_end() in any case.
 */
int fim_pass_begin(struct fim_pass *p, struct fim_job *job, int rows, bool gradients, bool dry);
void fim_pass_end(struct fim_pass *p);

/** fim_pass_load() - the weights. */
int fim_pass_load(struct fim_pass *p);

/** fim_pass_scalar() - a scalar as an input of @g. */
struct tensor *fim_pass_scalar(const struct fim_pass *p, struct graph *g, enum fim_scalar at);

/** fim_pass_losses() - the losses of the tokens; @squares: see linear-cross-entropy.h. */
struct tensor *fim_pass_losses(struct fim_pass *p, struct tensor *hidden, bool squares);

/** fim_pass_plan() - plan the graph. */
int fim_pass_plan(struct fim_pass *p);

/** fim_pass_bytes() - device memory of all of it. */
size_t fim_pass_bytes(const struct fim_pass *p);

/** fim_pass_put() - write a scalar. */
int fim_pass_put(struct fim_pass *p, enum fim_scalar at, const void *value, size_t bytes);

/** fim_pass_sample() - sample number @sample, and those behind it, become the input, whole. */
int fim_pass_sample(struct fim_pass *p, int64_t sample);

/** fim_pass_position() - of the sample, only the loss of token @position counts. */
int fim_pass_position(struct fim_pass *p, int64_t position);

/**
 * fim_pass_run() - one run, with labels of draw @draw if they are sampled.
 * Adds the loss to job->loss.  Return: 0; -EDOM naming what was not finite; -errno.
 */
int fim_pass_run(struct fim_pass *p, int64_t sample, int64_t draw);

#endif
