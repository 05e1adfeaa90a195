/* SPDX-License-Identifier: MIT */
/* Cutting text into words by regexes, one after the other, with PCRE2. */
#ifndef DATA_WORDS_H
#define DATA_WORDS_H

#include <stddef.h>

struct words;

/**
 * words_new() - compile @nr patterns; none: everything is one word.
 * Return: 0; -EINVAL with a message that names @path.
 */
int words_new(const char *path, const char *const *patterns, int nr, struct words **w);
void words_free(struct words *w);

/* word_fn - takes a word, of at most BPE_WORD_MAX bytes; 0 or -errno, which ends the walk. */
typedef int (*word_fn)(void *ctx, const char *word, size_t len);

/**
 * words_each() - call @fn for each word of @text, which may be any bytes; see bpe.h for
 * what is no UTF-8.  What the first pattern matches, and what is between, is cut by the
 * second, and so on.  The words, one behind the other, are the text.
 * Return: 0; what @fn gave; -EINVAL with a message if a pattern costs too much to match.
 */
int words_each(struct words *w, const char *text, size_t len, word_fn fn, void *ctx);

#endif
