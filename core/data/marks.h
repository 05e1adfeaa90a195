/* SPDX-License-Identifier: MIT */
/*
 * Tokens that are found in text before anything else is done with it: special tokens,
 * and those that users have added.  At each place the longest one is taken.
 */
#ifndef DATA_MARKS_H
#define DATA_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct marks;
struct tokenizer;

/* Flags of a token, by those names in tokenizer.json. */
#define MARK_LSTRIP	1	/* takes the blanks in front of it */
#define MARK_RSTRIP	2	/* takes the blanks behind it */
#define MARK_NORMALIZED	4	/* is looked for in text that has been normalized */
#define MARK_SPELLED	8	/* ... and is spelled as it is there */

/** struct mark - one that was found: bytes [begin, end) of the text are token @id. */
struct mark {
	size_t begin, end;
	uint32_t id;
};

#if IS_ENABLED(CONFIG_TOKENIZER_MARKS)
/** marks_new() - collect the marks of @tok, whose tokens, types and flags are set. */
int marks_new(struct tokenizer *tok);
void marks_free(struct marks *m);

/**
 * marks_next() - the first mark at or behind @from.
 * @normalized: look for those with MARK_NORMALIZED, otherwise for the others
 * @special: special tokens count
 */
bool marks_next(const struct tokenizer *tok, bool normalized, bool special, const char *text,
		size_t len, size_t from, struct mark *mark);

/** marks_any() - are there marks of this sort at all? */
bool marks_any(const struct tokenizer *tok, bool normalized);
#else
static inline int marks_new(struct tokenizer *tok)
{
	(void)tok;
	return 0;
}

static inline void marks_free(struct marks *m)
{
	(void)m;
}

static inline bool marks_next(const struct tokenizer *tok, bool normalized, bool special,
			      const char *text, size_t len, size_t from, struct mark *mark)
{
	(void)tok, (void)normalized, (void)special, (void)text, (void)len, (void)from, (void)mark;
	return false;
}

static inline bool marks_any(const struct tokenizer *tok, bool normalized)
{
	(void)tok, (void)normalized;
	return false;
}
#endif

#endif
