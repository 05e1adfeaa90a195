/* SPDX-License-Identifier: MIT */
/*
 * Choosing the next token from logits.
 *
 * The steps and their order are those of llama.cpp's default chain, without what is off
 * there: repetition penalty, top-k, top-p, min-p, temperature, a draw.  All of them keep
 * tokens from the most probable one on, the first ones of equals.
 */
#ifndef INFER_SAMPLER_H
#define INFER_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct sampling - how to choose; all zero: the most probable token.
 * @temperature: logits are divided by it; 0: the most probable token, the first of equals
 * @top_k: keep the so many most probable tokens; 0: all
 * @top_p: keep the most probable ones until their share of the kept is at least this; 0 or
 *	1: all
 * @min_p: keep those at least this times as probable as the most probable one; 0: all
 * @repeat_penalty: of tokens among the last @repeat_last, positive logits are divided by it
 *	and negative ones multiplied; 0 or 1: it is off
 * @seed: of the draws
 */
struct sampling {
	double temperature;
	int top_k;
	double top_p, min_p;
	double repeat_penalty;
	int repeat_last;
	uint64_t seed;
};

/**
 * sample_token() - choose a token.
 * @logits: (V)
 * @step: with the seed the key of the draw: stream (seed, "generate", step)
 *
 * Sums in fp64 in index order, so the choice is the same on every run.
 */
int sample_token(const float *logits, int vocab, const struct sampling *s, uint64_t step);

/**
 * sample_penalize() - the repetition penalty, once for each token that occurs.
 * @logits: (V), changed
 * @ids, @nr: the text so far
 */
void sample_penalize(float *logits, int vocab, const struct sampling *s, const uint32_t *ids,
		     size_t nr);

#endif
