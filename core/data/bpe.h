/* SPDX-License-Identifier: MIT */
/*
 * Byte-level byte-pair encoding (Sennrich, Haddow and Birch 2016, algorithm 1; over bytes
 * as in GPT-2's encoder.py): text is cut into words by a regex, and in each word the pair
 * with the lowest rank, the leftmost of equals, is merged until no pair has a rank.
 *
 * The same over characters is BPE as SentencePiece has it, without words: the whole text is
 * one, with U+2581 for spaces.  Which pair is next is decided by rank (tokenizer.json) or by
 * the score of the token that it makes (SentencePiece itself, llama.cpp), and a character
 * without a token becomes its bytes, <0xE2>, or the unknown token.  Between two characters
 * that are next to each other in no token, nothing can be merged: text is cut there, into
 * pieces that a cache knows.
 *
 * Bytes that are not valid UTF-8: text is first cut into the longest runs of valid and of
 * invalid bytes.  A valid run is cut into words by the regex, an invalid run is one word.
 * So valid text gives the reference's ids, and every input can be decoded to itself.
 * A word of more than BPE_WORD_MAX bytes (a megabyte without a blank) is cut at that length.
 * A byte that has no token is left out, as Hugging Face's tokenizers and llama.cpp do:
 * SmolLM's has none for bytes that are in no UTF-8.
 */
#ifndef DATA_BPE_H
#define DATA_BPE_H

#include <stddef.h>

#include "data/tokenizer.h"

#define BPE_WORD_MAX	((size_t)1 << 20)

/** bpe_encode(), bpe_text_encode() - of bytes, of characters. */
int bpe_encode(struct tokenizer *tok, const char *text, size_t len, struct token_list *out);
int bpe_text_encode(struct tokenizer *tok, const char *text, size_t len,
		    struct token_list *out);
void bpe_release(struct tokenizer *tok);

#endif
