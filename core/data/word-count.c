// SPDX-License-Identifier: MIT
#include "data/word-count.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/word-cache.h"

#define WORDS_MAX	(1u << 30)	/* twice as many slots are still a uint32_t */

static void put_slot(struct word_counts *c, uint32_t i)
{
	uint32_t slot = c->words[i].hash & c->mask;

	while (c->slots[slot] != WORD_NONE)
		slot = (slot + 1) & c->mask;
	c->slots[slot] = i;
}

static int grow(struct word_counts *c)
{
	uint32_t cap = c->cap ? 2 * c->cap : 1024;
	struct word_count *words;
	uint32_t *slots;

	if (cap > WORDS_MAX)
		return fail(-EFBIG, "more than %u different words", WORDS_MAX / 2);
	words = realloc(c->words, cap * sizeof(*words));
	if (!words)
		return fail_nomem(cap * sizeof(*words), "words");
	c->words = words;
	slots = malloc(2 * (size_t)cap * sizeof(*slots));
	if (!slots)
		return fail_nomem(2 * (size_t)cap * sizeof(*slots), "words");
	free(c->slots);
	c->slots = slots;
	c->cap = cap;
	c->mask = 2 * cap - 1;
	memset(slots, 0xff, 2 * (size_t)cap * sizeof(*slots));
	for (uint32_t i = 0; i < c->nr; i++)
		put_slot(c, i);
	return 0;
}

static int keep_bytes(struct word_counts *c, const char *word, size_t len)
{
	size_t cap = c->cap_bytes ? c->cap_bytes : 1 << 14;
	char *bytes;

	while (cap - c->nr_bytes < len + 1)
		cap *= 2;
	if (cap != c->cap_bytes) {
		bytes = realloc(c->bytes, cap);
		if (!bytes)
			return fail_nomem(cap, "words");
		c->bytes = bytes;
		c->cap_bytes = cap;
	}
	memcpy(c->bytes + c->nr_bytes, word, len);
	c->bytes[c->nr_bytes + len] = '\0';
	c->nr_bytes += len + 1;
	return 0;
}

static uint32_t find_hashed(const struct word_counts *c, const char *word, size_t len,
			    uint32_t hash)
{
	if (!c->nr)
		return WORD_NONE;
	for (uint32_t slot = hash & c->mask; c->slots[slot] != WORD_NONE;
	     slot = (slot + 1) & c->mask) {
		const struct word_count *w = &c->words[c->slots[slot]];

		if (w->hash == hash && w->len == len && !memcmp(c->bytes + w->at, word, len))
			return c->slots[slot];
	}
	return WORD_NONE;
}

static int add_hashed(struct word_counts *c, const char *word, size_t len, uint32_t hash,
		      uint64_t count)
{
	uint32_t i = find_hashed(c, word, len, hash);
	int ret = 0;

	if (i != WORD_NONE) {
		c->words[i].count += count;
		return 0;
	}
	if (c->nr == c->cap)
		ret = grow(c);
	if (!ret)
		ret = keep_bytes(c, word, len);
	if (ret)
		return ret;
	c->words[c->nr] = (struct word_count){
		.at = c->nr_bytes - len - 1, .count = count, .len = len, .hash = hash,
	};
	put_slot(c, c->nr++);
	return 0;
}

uint32_t word_counts_find(const struct word_counts *c, const char *word, size_t len)
{
	return find_hashed(c, word, len, (uint32_t)word_hash(word, len));
}

int word_counts_add(struct word_counts *c, const char *word, size_t len, uint64_t count)
{
	return add_hashed(c, word, len, (uint32_t)word_hash(word, len), count);
}

int word_counts_merge(struct word_counts *c, const struct word_counts *from)
{
	int ret = 0;

	for (uint32_t i = 0; i < from->nr && !ret; i++) {
		const struct word_count *w = &from->words[i];

		ret = add_hashed(c, from->bytes + w->at, w->len, w->hash, w->count);
	}
	return ret;
}

void word_counts_free(struct word_counts *c)
{
	free(c->words);
	free(c->slots);
	free(c->bytes);
	*c = (struct word_counts){ 0 };
}
