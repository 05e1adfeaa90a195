/* SPDX-License-Identifier: MIT */
/* What bpe.c (building), bpe-encode.c (using) and words.c (cutting) share. */
#ifndef DATA_BPE_PRIVATE_H
#define DATA_BPE_PRIVATE_H

#include <stdint.h>

#include "data/bpe.h"

#define NO_TOKEN	UINT32_MAX

/* struct rank_slot - pair to rank; open addressing. */
struct rank_slot {
	uint64_t pair;		/* left << 32 | right */
	uint32_t rank;		/* NO_TOKEN: free */
};

/*
 * struct word_slot - the ids of a word seen before.  One cache line; a word or an encoding
 * that does not fit is computed each time.  Direct-mapped: a new word replaces an old one.
 */
#define WORD_BYTES	30
#define WORD_IDS	8
#define WORD_SLOTS	(1u << 16)
struct word_slot {
	uint8_t len;		/* 0: free */
	uint8_t nr;
	char text[WORD_BYTES];
	uint32_t ids[WORD_IDS];
};

/* struct symbol - a part of a word during merging; a list linked by index. */
struct symbol {
	uint32_t id;		/* NO_TOKEN: merged into its left neighbour */
	uint32_t prev, next;	/* NO_TOKEN at the ends */
};

struct words;

struct bpe {
	struct tokenizer tok;		/* first */
	uint32_t of_byte[256];
	struct rank_slot *ranks;	/* (rank_mask + 1) */
	uint32_t rank_mask;
	uint32_t *by_text;		/* (text_mask + 1) ids; NO_TOKEN: free */
	uint32_t text_mask;
	struct word_slot *cache;	/* (WORD_SLOTS) */
	struct words *words;
	char *pattern;
	struct symbol *symbols;		/* scratch: (scratch_cap) */
	uint64_t *heap;			/* scratch: (3 * scratch_cap) rank << 32 | symbol */
	size_t scratch_cap;
};

/* bpe_rank() - rank of a pair, or NO_TOKEN. */
uint32_t bpe_rank(const struct bpe *bpe, uint32_t left, uint32_t right);
/* bpe_find() - id of the ordinary token with these bytes, or NO_TOKEN. */
uint32_t bpe_find(const struct bpe *bpe, const char *bytes, size_t len);

/* bpe_hash() - of a short string; fast rather than strong. */
static inline uint64_t bpe_hash(const char *s, size_t len)
{
	const uint64_t k = 0x9e3779b97f4a7c15u;
	uint64_t h = len * k, v = 0;

	for (; len >= 8; s += 8, len -= 8) {
		__builtin_memcpy(&v, s, 8);
		h = (h ^ v) * k;
		h ^= h >> 29;
	}
	v = 0;
	for (size_t i = 0; i < len; i++)
		v = v << 8 | (unsigned char)s[i];
	h = (h ^ v) * k;
	return h ^ h >> 32;
}

/*
 * words_new() - compile @pattern (NULL: everything is one word).
 * Return: 0; -EINVAL with a message that names @path.
 */
int words_new(const char *path, const char *pattern, struct words **w);
void words_free(struct words *w);

/* word_fn - takes a word, of at most BPE_WORD_MAX bytes; 0 or -errno, which ends the walk. */
typedef int (*word_fn)(void *ctx, const char *word, size_t len);

/*
 * words_each() - call @fn for each word of @text, which may be any bytes; see bpe.h for
 * what is no UTF-8.  The words, one behind the other, are the text.
 * Return: 0; what @fn gave; -EINVAL with a message if the pattern costs too much to match.
 */
int words_each(struct words *w, const char *text, size_t len, word_fn fn, void *ctx);

#endif
