/* SPDX-License-Identifier: MIT */
/*
 * How far a model's predictions are from those of another one: KL(base || model) at each
 * position, over the whole vocabulary, in nats.
 *
 * Positions are those of PPL_LLAMA (ppl.h).  Both models are in memory, so that there is no
 * file of base logits, and nothing is rounded.
 *
 * @parity copies what llama-perplexity --kl-divergence makes of its file: the base's logits are
 * cut off 16 below the largest and coded in 16 bits, its loss is that of the codes, what is less
 * probable than e^-16 does not count, and values are rounded to float where llama.cpp does.
 */
#ifndef EVAL_KLD_H
#define EVAL_KLD_H

#include "eval/model.h"
#include "eval/table.h"
#include "eval/text.h"

/** struct kld_options - @context: 0: 512; @limit: so many chunks, 0: all. */
struct kld_options {
	int context;
	int64_t limit;
	bool parity;
};

/**
 * struct kld_result - what was found at each of the @nr positions, in the order of the text.
 * @kld: nats
 * @nll, @nll_base: -ln p of the token that follows
 * @delta_p: its probability by the model less that by the base
 * @same_top: 1 where both have the same most probable token
 * @table: a row for each chunk
 */
struct kld_result {
	size_t nr;
	double *kld, *nll, *nll_base, *delta_p, *same_top;
	struct eval_table *table;
};

/**
 * kld_run() - compare @em with @base on @text.
 * Return: 0; -EINVAL if they make other tokens of the text or have other vocabularies; -EDOM if
 * logits are not finite; -errno.
 */
int kld_run(struct eval_model *em, struct eval_model *base, const struct eval_text *text,
	    const struct kld_options *o, struct kld_result *result);
void kld_result_free(struct kld_result *r);

/** struct kld_position - of one position. */
struct kld_position {
	double kld, nll, nll_base, delta_p;
	bool same_top;
};

/** kld_position() - compare logits of the same position, (vocab) each. */
struct kld_position kld_position(const float *logits, const float *base, int vocab, int target,
				 bool parity);

#endif
