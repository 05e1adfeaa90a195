/* SPDX-License-Identifier: MIT */
/* Merges for tokenizers that have scores. */
#ifndef DATA_MERGES_H
#define DATA_MERGES_H

#include "data/tokenizer.h"

/**
 * merges_from_scores() - what Hugging Face's BPE needs to do as SentencePiece's.
 * @merges: the caller frees them
 *
 * Each way to put a token together from two others, best score of the result first, then
 * by the ids of the parts (transformers, SentencePieceExtractor).
 */
#ifdef CONFIG_TOKENIZER_BPE
int merges_from_scores(const struct tokenizer *tok, struct token_merge **merges, uint32_t *nr);
#else
static inline int merges_from_scores(const struct tokenizer *tok, struct token_merge **merges,
				     uint32_t *nr)
{
	return 0;
}
#endif

#endif
