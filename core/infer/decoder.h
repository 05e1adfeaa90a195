/* SPDX-License-Identifier: MIT */
/*
 * Decoding with a key-value cache: one decoder for several sequences, which may differ in
 * length.
 *
 * Plans are cached by the number of tokens that they take at once: one, which decodes, and
 * a chunk, which reads prompts.  All of them share the weights and the cache.
 */
#ifndef INFER_DECODER_H
#define INFER_DECODER_H

#include <stdint.h>

#include "tensor/arch.h"
#include "tensor/dtype.h"

struct decoder;
struct model;
struct plan;

#define DECODER_CHUNK 512

/**
 * struct decoder_options - all zero: one sequence of the model's context, f32.
 * @batch: sequences; 0: one
 * @capacity: tokens of each; at most the model's context, 0: that
 * @chunk: tokens of a prompt at once; 0: DECODER_CHUNK
 * @room: tokens that memory is taken for in the beginning, at least @chunk; it is doubled
 *	whenever it is full, up to @capacity.  0: for all of @capacity
 * @cache: type of keys and values: DT_F32, DT_F16 or DT_BF16
 */
struct decoder_options {
	int batch, capacity, chunk, room;
	enum dtype cache;
};

int decoder_new(struct model *m, struct device *dev, const struct decoder_options *o,
		struct decoder **d);
void decoder_free(struct decoder *d);

/** struct decoder_input - @nr tokens for one sequence; 0: it rests. */
struct decoder_input {
	const int32_t *tokens;
	int nr;
};

/**
 * decoder_run() - append tokens to the sequences.
 * @in: (batch)
 * @logits: (batch, V): what follows the last token of each that does not rest; host memory.
 *	NULL: nobody asks
 * Return: 0; -ENOSPC, with nothing changed, if a sequence would be longer than the
 * capacity; -errno.
 */
int decoder_run(struct decoder *d, const struct decoder_input *in, float *logits);

/** decoder_feed() - decoder_run() of a decoder with one sequence; @nr at least 1. */
int decoder_feed(struct decoder *d, const int32_t *tokens, int nr, float *logits);

/** decoder_feed_all() - the same with what follows each of the tokens: @logits (nr, V). */
int decoder_feed_all(struct decoder *d, const int32_t *tokens, int nr, float *logits);

/** decoder_length() - tokens in the longest sequence; decoder_count() - in sequence @b. */
int decoder_length(const struct decoder *d);
int decoder_count(const struct decoder *d, int b);

/** decoder_truncate() - sequence @b is its first @count tokens from now on. */
int decoder_truncate(struct decoder *d, int b, int count);

/** decoder_reset() - empty sequences. */
int decoder_reset(struct decoder *d);

/**
 * decoder_read_bytes() - of keys and values that the next token of a sequence of @length
 * tokens reads: windowed layers look back less.
 */
double decoder_read_bytes(const struct decoder *d, int length);

#define DECODER_PLANS 3

/**
 * decoder_plans() - for timing: those of one token, of a chunk, and of the head.
 * NULL: not needed so far
 */
void decoder_plans(struct decoder *d, struct plan *plans[DECODER_PLANS]);

#endif
