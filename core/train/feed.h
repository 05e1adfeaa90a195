/* SPDX-License-Identifier: MIT */
/*
 * Batches of token windows on their way from the data set to a graph's inputs.
 */
#ifndef TRAIN_FEED_H
#define TRAIN_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/graph.h"

struct loader;

/** The (B, T) i32 inputs of a language model's graph. */
enum feed_part { FEED_IDS, FEED_TARGETS, FEED_POSITIONS, FEED_DOC_START, FEED_PARTS };

/**
 * struct feed - host and device memory for one batch.
 * @rows, @length: sizes of what is in it now, at most @batch and @context
 */
struct feed {
	int batch, context;
	int rows, length;
	bool doc_mask;
	int32_t *host[FEED_PARTS];	/* (B, T) without gaps; NULL if not used or dry */
	struct buffer *buffer[FEED_PARTS];
};

/**
 * feed_new() - memory for batches of up to @batch windows of up to @context tokens.
 * @dev: NULL: dry, nothing is taken
 */
int feed_new(struct device *dev, int batch, int context, bool doc_mask, struct feed **f);
void feed_free(struct feed *f);

/** feed_bytes() - device memory that it takes, or would take if it were not dry. */
size_t feed_bytes(const struct feed *f);

/** struct feed_inputs - a graph's tensors bound to a feed, and their extents. */
struct feed_inputs {
	struct tensor *part[FEED_PARTS];	/* NULL if not used */
	int batch_extent, time_extent;
};

/** feed_inputs() - make the inputs in @g; bound unless @f has no device memory (dry). */
int feed_inputs(struct feed *f, struct graph *g, struct feed_inputs *in);

/**
 * feed_send() - what was put into @f->host, @rows of @length, goes to the device, with positions
 * from 0 on in each row.
 */
int feed_send(struct feed *f, int rows, int length);

/** feed_fill() - samples [@first, @first + @rows) of @l, written to the device. */
int feed_fill(struct feed *f, const struct loader *l, uint64_t first, int rows);

#endif
