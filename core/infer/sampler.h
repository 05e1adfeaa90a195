/* SPDX-License-Identifier: MIT */
/*
 * Choosing the next token from logits.
 */
#ifndef INFER_SAMPLER_H
#define INFER_SAMPLER_H

#include <stdint.h>

/**
 * sample_token() - one draw from softmax(logits / temperature).
 * @logits: (V)
 * @temperature: 0: the most probable token, the first one if several are
 * @top_k: draw from the so many most probable tokens, the first ones of equals; 0: from all
 * @seed, @step: key of the draw: stream (seed, "generate", step)
 *
 * Sums in fp64 in index order, so the choice is the same on every run.
 */
int sample_token(const float *logits, int vocab, double temperature, int top_k, uint64_t seed,
		 uint64_t step);

#endif
