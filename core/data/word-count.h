/* SPDX-License-Identifier: MIT */
/* A table of different strings, each with its number in order of appearance and a count. */
#ifndef DATA_WORD_COUNT_H
#define DATA_WORD_COUNT_H

#include <stddef.h>
#include <stdint.h>

#define WORD_NONE	UINT32_MAX

struct word_count {
	uint64_t at;		/* in bytes[] */
	uint64_t count;
	uint32_t len;
	uint32_t hash;
};

/** struct word_counts - start with { 0 }. */
struct word_counts {
	struct word_count *words;	/* (nr) in order of appearance */
	uint32_t nr, cap;
	uint32_t *slots;		/* (mask + 1) numbers of words; WORD_NONE: free */
	uint32_t mask;
	char *bytes;			/* the words, each with a NUL behind it */
	size_t nr_bytes, cap_bytes;
};

/** word_counts_text() - word number @i, with a NUL behind it, until the next one is added. */
static inline const char *word_counts_text(const struct word_counts *c, uint32_t i)
{
	return c->bytes + c->words[i].at;
}

/** word_counts_find() - the number of a word, or WORD_NONE. */
uint32_t word_counts_find(const struct word_counts *c, const char *word, size_t len);

/** word_counts_add() - count @word @count times more; it is new or known. 0 or -errno. */
int word_counts_add(struct word_counts *c, const char *word, size_t len, uint64_t count);

/** word_counts_merge() - add all that @from counted, in its order. 0 or -errno. */
int word_counts_merge(struct word_counts *c, const struct word_counts *from);

void word_counts_free(struct word_counts *c);

#endif
