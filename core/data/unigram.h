/* SPDX-License-Identifier: MIT */
/*
 * Unigram language model (Kudo 2018): of all ways to cut a text into tokens, the one whose
 * scores, which are log probabilities, have the highest sum; found by Viterbi's algorithm
 * (SentencePiece, unigram_model.cc, EncodeOptimized).  A character without a token costs
 * 10 more than the worst token, and becomes its bytes or the unknown token.
 *
 * Sums are in double precision, as in Hugging Face's tokenizers and llama.cpp.  For a
 * tokenizer.model they are in single precision from the beginning of the text on, as in
 * SentencePiece: that decides between ways that are nearly as good.
 */
#ifndef DATA_UNIGRAM_H
#define DATA_UNIGRAM_H

#include "data/tokenizer.h"

int unigram_encode(struct tokenizer *tok, const char *text, size_t len, struct token_list *out);
void unigram_release(struct tokenizer *tok);

#endif
