/* SPDX-License-Identifier: MIT */
/* The words of text files, counted on all threads. */
#ifndef DATA_CORPUS_WORDS_H
#define DATA_CORPUS_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/word-count.h"

#define CORPUS_TILE_BYTES	((size_t)1 << 20)

/** struct corpus - what to read, and what was found. */
struct corpus {
	const char *const *input;	/* (nr_input) files; TEXT_STDIN is one */
	int nr_input;
	const char *pattern;		/* regex that cuts text into words */
	/*
	 * May a text be cut between a line end and what follows it, where neither side of
	 * the line end is a blank, without changing a word?  Else documents stay whole.
	 */
	bool lines_apart;
	size_t tile_bytes;		/* 0: CORPUS_TILE_BYTES */
	uint64_t bytes, documents;	/* found; without the marks between documents */
};

/**
 * corpus_words() - count the words of all documents of @c.
 * @words: start with { 0 }; the caller frees it, also after an error
 *
 * Documents are divided at <|endoftext|>.  Which words there are, their counts and their
 * order do not depend on the number of threads.  Memory: the different words, and those of
 * sixteen tiles; the text is mapped and let go.  Shows progress.
 * Return: 0; -errno with a message that names the file.
 */
int corpus_words(struct corpus *c, struct word_counts *words);

#endif
