/* SPDX-License-Identifier: MIT */
/*
 * Decoding with a key-value cache.
 *
 * Two plans share the cache: one takes the prompt in chunks and only fills the cache,
 * the other takes one token and gives the logits that follow it.
 */
#ifndef INFER_DECODER_H
#define INFER_DECODER_H

#include <stdint.h>

#include "tensor/arch.h"

struct decoder;
struct model;

/**
 * decoder_new() - plans and cache for one sequence of up to @capacity tokens.
 * @capacity: at most the model's context
 */
int decoder_new(struct model *m, struct device *dev, int capacity, struct decoder **d);
void decoder_free(struct decoder *d);

/**
 * decoder_feed() - append @nr tokens to the sequence.
 * @logits: (V) of what follows the last one; host memory
 * Return: 0; -ENOSPC if the sequence would be longer than its capacity; -errno.
 */
int decoder_feed(struct decoder *d, const int32_t *tokens, int nr, float *logits);

/** decoder_length() - tokens in the sequence. */
int decoder_length(const struct decoder *d);

/** decoder_reset() - an empty sequence. */
int decoder_reset(struct decoder *d);

#endif
