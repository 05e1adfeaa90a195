/* SPDX-License-Identifier: MIT */
/*
 * Long texts in pieces that can be encoded each for itself.  Between two characters that
 * stand side by side in no token, no token lies: text is cut there, and what became of a
 * short piece is kept for the next time.
 */
#ifndef DATA_PIECES_H
#define DATA_PIECES_H

#include "data/tokenizer.h"
#include "data/word-cache.h"

/* Bits of the table of neighbours; a wrong yes costs time only. */
#define NEIGHBOURS	(1u << 21)
#define PIECE_MAX	((size_t)1 << 20)	/* bytes; what is longer is cut anyway */

/**
 * struct pieces - start with { 0 } and the fields above the line.
 * @unk: two of them in a row, in one stretch of text, are one; TOKEN_NONE: they stay two
 */
struct pieces {
	int (*encode)(void *ctx, const char *text, size_t len, struct token_list *out);
	void *ctx;
	uint32_t unk;
	bool fresh;	/* what a piece becomes hangs on what is before it: keep nothing */
	/* ---- */
	uint8_t *neighbours;
	struct word_slot *cache;	/* (WORD_SLOTS) */
};

int pieces_init(struct pieces *p);
void pieces_free(struct pieces *p);
/** pieces_learn() - @text is a token. */
void pieces_learn(struct pieces *p, const char *text, size_t len);
/** pieces_encode() - append the ids of a stretch of text. */
int pieces_encode(struct pieces *p, const char *text, size_t len, struct token_list *out);

/**
 * piece_char() - length of the character at @s, as llama.cpp has it: by its first byte.
 * So any bytes are characters, and the bytes of one stay together.
 */
static inline size_t piece_char(const char *s, size_t len)
{
	static const unsigned char lens[16] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4 };
	size_t n = lens[(unsigned char)*s >> 4];

	return n < len ? n : len;
}

#endif
