/* SPDX-License-Identifier: MIT */
/*
 * Text files and the documents in them.
 *
 * A file is divided at marks, by default <|endoftext|>; without a mark it is one document.
 * Line ends next to a mark belong to the mark.  A document of nothing but blanks is none.
 */
#ifndef DATA_SOURCES_H
#define DATA_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

/** struct source - a text file, mapped into memory, so that its size does not matter. */
struct source {
	const char *path;
	char *text;
	size_t len;
	uint64_t documents;
	bool has_marks;
	char hash[HASH_HEX];
};

/**
 * source_map() - map @path, hash it and count its documents at @mark.
 * @path: must stay; TEXT_STDIN is standard input, which is copied to a file in $TMPDIR
 *
 * Warns if much of it is not UTF-8.
 * Return: 0; -EINVAL with a message if it is empty, compressed or no regular file; -errno.
 */
int source_map(const char *path, const char *mark, struct source *src);
void source_unmap(struct source *src);

/** struct cutter - where a walk over the documents of one file is; see cutter_begin(). */
struct cutter {
	const struct source *src;
	const char *mark;
	size_t piece_bytes;
	size_t at;		/* where to look for the next document */
	size_t piece, end;	/* the rest of the document that is being cut */
};

/**
 * cutter_begin() - walk over the documents of @src.
 * @piece_bytes: 0, or cut each document into pieces of about that many bytes, at most
 * twice as many: at a blank line if there is one behind that size, else at the last line
 * end, else at the last blank, else between two characters
 */
struct cutter cutter_begin(const struct source *src, const char *mark, size_t piece_bytes);

/** cutter_next() - the next document or piece; false at the end. */
bool cutter_next(struct cutter *c, const char **text, size_t *len);

#endif
