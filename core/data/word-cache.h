/* SPDX-License-Identifier: MIT */
/*
 * The ids of words seen before.  A slot is one cache line; a word or an encoding that does
 * not fit is computed each time.  Direct-mapped: a new word replaces an old one.
 */
#ifndef DATA_WORD_CACHE_H
#define DATA_WORD_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "data/tokenizer.h"

#define WORD_BYTES	30
#define WORD_IDS	8
#define WORD_SLOTS	(1u << 16)

struct word_slot {
	uint8_t len;		/* 0: free */
	uint8_t nr;
	char text[WORD_BYTES];
	uint32_t ids[WORD_IDS];
};

/* word_hash() - of a short string; fast rather than strong. */
static inline uint64_t word_hash(const char *s, size_t len)
{
	const uint64_t k = 0x9e3779b97f4a7c15u;
	uint64_t h = len * k, v = 0;

	for (; len >= 8; s += 8, len -= 8) {
		memcpy(&v, s, 8);
		h = (h ^ v) * k;
		h ^= h >> 29;
	}
	v = 0;
	for (size_t i = 0; i < len; i++)
		v = v << 8 | (unsigned char)s[i];
	h = (h ^ v) * k;
	return h ^ h >> 32;
}

/* word_slot() - where @word, of at most WORD_BYTES bytes, is or would be. */
static inline struct word_slot *word_slot(struct word_slot *cache, const char *word, size_t len)
{
	return &cache[word_hash(word, len) % WORD_SLOTS];
}

static inline bool word_is(const struct word_slot *slot, const char *word, size_t len)
{
	return slot->len == len && !memcmp(slot->text, word, len);
}

static inline void word_keep(struct word_slot *slot, const char *word, size_t len,
			     const uint32_t *ids, size_t nr)
{
	if (nr > WORD_IDS)
		return;
	slot->len = len;
	slot->nr = nr;
	memcpy(slot->text, word, len);
	memcpy(slot->ids, ids, nr * sizeof(*ids));
}

/* word_recall() - append the ids of a word that word_is() in @slot. 0 or -ENOMEM. */
static inline int word_recall(const struct word_slot *slot, struct token_list *out)
{
	int ret = token_list_reserve(out, WORD_IDS);

	if (ret)
		return ret;
	memcpy(out->ids + out->nr, slot->ids, sizeof(slot->ids));
	out->nr += slot->nr;
	return 0;
}

#endif
