/* SPDX-License-Identifier: MIT */
/* What bpe.c (building), bpe-encode.c and bpe-text.c (using) share. */
#ifndef DATA_BPE_PRIVATE_H
#define DATA_BPE_PRIVATE_H

#include <stdint.h>

#include "data/bpe.h"
#include "data/pieces.h"
#include "data/words.h"

#define NO_TOKEN	TOKEN_NONE

/* struct rank_slot - pair to rank; open addressing. */
struct rank_slot {
	uint64_t pair;		/* left << 32 | right */
	uint32_t rank;		/* NO_TOKEN: free */
};

/* struct symbol - a part of a word during merging; a list linked by index. */
struct symbol {
	uint32_t id;		/* NO_TOKEN: merged into its left neighbour */
	uint32_t prev, next;	/* NO_TOKEN at the ends */
};

struct bpe {
	struct tokenizer tok;		/* first */
	uint32_t of_byte[256];
	struct rank_slot *ranks;	/* (rank_mask + 1) */
	uint32_t rank_mask;
	const char *key;		/* what is looked for in text: bytes, or spellings */
	const uint32_t *key_start;
	size_t longest;			/* token */
	uint32_t *by_text;		/* (text_mask + 1) ids; NO_TOKEN: free */
	uint32_t text_mask;
	struct pieces pieces;
	struct words *words;
	void *symbols;			/* scratch: (scratch_cap) struct symbol or text_symbol */
	uint64_t *heap;			/* scratch: (3 * scratch_cap) rank << 32 | symbol */
	size_t scratch_cap;
};

/* struct text_symbol is what struct symbol is, for merging by scores. */
struct text_symbol {
	uint32_t begin, len;		/* in the text; 0: merged into its left neighbour */
	uint32_t prev, next;
	uint32_t id;			/* of its own text, or NO_TOKEN */
	uint32_t pair;			/* token that it makes with its right neighbour */
};

/* bpe_rank() - rank of a pair, or NO_TOKEN. */
uint32_t bpe_rank(const struct bpe *bpe, uint32_t left, uint32_t right);
/* bpe_find() - id of the ordinary token with these bytes, or NO_TOKEN. */
uint32_t bpe_find(const struct bpe *bpe, const char *bytes, size_t len);

/* bpe_reserve() - scratch memory for @len symbols. */
int bpe_reserve(struct bpe *bpe, size_t len);
/* bpe_merge() - merge the first @len of bpe->symbols by rank. */
void bpe_merge(struct bpe *bpe, size_t len);
/* bpe_push(), bpe_pop() - a heap, the lowest value on top. */
void bpe_push(uint64_t *heap, size_t *nr, uint64_t value);
uint64_t bpe_pop(uint64_t *heap, size_t *nr);
/* bpe_text_piece() - encode a piece, for struct pieces. */
int bpe_text_piece(void *ctx, const char *text, size_t len, struct token_list *out);

#endif
