/* SPDX-License-Identifier: MIT */
/*
 * Perplexity of a text, by three protocols.  They score other tokens with other contexts: only
 * numbers of one protocol and one context can be compared.
 *
 * PPL_LLAMA: llama-perplexity.  One newline at the end of the file is taken off; the text is
 *	encoded with the tokenizer's special tokens and cut into chunks of @context tokens, the
 *	rest dropped; where the tokenizer adds BOS, each chunk's first token is replaced by it.
 *	Counted are the tokens of the second half of a chunk but its first: those predicted at
 *	positions context / 2 to context - 2.
 * PPL_SLIDING: the guide "Perplexity of fixed-length models" of Hugging Face.  Windows of
 *	@context tokens begin every @stride tokens; each counts what no earlier one counted.  The
 *	first token of the text is not predicted.
 * PPL_DOCUMENT: lm-eval's loglikelihood_rolling.  Each document of the file (divided at
 *	<|endoftext|>) stands for itself behind BOS, or behind the end-of-document token where
 *	the tokenizer has no BOS, and all of its tokens count.  One that is longer than @context
 *	is read in disjoint windows, each behind the token before it; the last one reaches back.
 */
#ifndef EVAL_PPL_H
#define EVAL_PPL_H

#include "eval/model.h"
#include "eval/scorer.h"
#include "eval/table.h"
#include "eval/text.h"

enum ppl_protocol { PPL_LLAMA, PPL_SLIDING, PPL_DOCUMENT, PPL_PROTOCOLS };

/** ppl_protocol_names - by number. */
extern const char *const ppl_protocol_names[PPL_PROTOCOLS];

/**
 * struct ppl_options - what to score.
 * @context: tokens of a chunk or window; 0: 512, or as many as the model takes (DOCUMENT)
 * @stride: of PPL_SLIDING; 0: half the context
 * @limit: so many chunks, windows or documents; 0: all
 */
struct ppl_options {
	enum ppl_protocol protocol;
	int context, stride;
	int64_t limit;
};

/** ppl_context() - the usual context of a protocol, for a model that takes @most tokens. */
int ppl_context(enum ppl_protocol protocol, int most);

/** struct ppl_place - where a sequence begins, and its chunk, window or document. */
struct ppl_place {
	size_t at, unit;
};

/**
 * struct ppl_cut - a text cut into sequences.
 * @seqs: their tokens lie in @tokens, their scores in @scores
 * @place: of each sequence
 * @tokens_hash: of the tokens of the whole text
 */
struct ppl_cut {
	struct ppl_options options;
	int32_t *tokens;
	size_t nr_tokens, cap_tokens;
	struct score_seq *seqs;
	struct ppl_place *place;
	size_t nr_seqs, cap_seqs;
	struct token_score *scores;
	size_t units, units_all;
	char tokens_hash[HASH_HEX];
};

/**
 * ppl_cut() - cut @text for the model @em; @o may have zeros, @cut->options has none.
 * Return: 0; -EINVAL if the text is too short or the context too long; -ENOMEM; -errno.
 */
int ppl_cut(struct eval_model *em, const struct eval_text *text, const struct ppl_options *o,
	    struct ppl_cut *cut);
void ppl_cut_free(struct ppl_cut *cut);

/**
 * ppl_run() - the whole evaluation: a row for each unit, with columns nll, nll2 (squares),
 * tokens and bytes, and metrics loss (nats per token) and nats_per_byte.
 */
int ppl_run(struct eval_model *em, const struct eval_text *text, const struct ppl_options *o,
	    struct eval_table **table);

/**
 * ppl_token_error() - the error of the mean loss as llama-perplexity has it: as if tokens
 * were independent, sqrt((E[nll^2] - E[nll]^2) / (N - 1)).
 */
double ppl_token_error(const struct eval_table *t);

#endif
