/* SPDX-License-Identifier: MIT */
/*
 * Files mapped into memory, to be read.
 *
 * Whoever cuts a mapped file short takes its bytes away from under the program: the next
 * look at them raises SIGBUS.  There is no way back into the code that looked, so the
 * program says which file it was and exits with 1.  What can read in pieces had better
 * use pread(), which returns (data/shard.c).
 */
#ifndef BASE_MAPPING_H
#define BASE_MAPPING_H

#include <stddef.h>

/** struct mapping - a mapped file; start with { 0 }. It may not be moved while it is open. */
struct mapping {
	const unsigned char *bytes;
	size_t size;
	char *path;
	struct mapping *next;
};

/**
 * mapping_open() - map all of @path.
 * @least: bytes it must have, at least 1
 * @what: for "PATH: 5 bytes are too few for WHAT"
 *
 * Return: 0; -EINVAL for what is no regular file or too short; -errno.
 */
int mapping_open(const char *path, size_t least, const char *what, struct mapping *m);
void mapping_close(struct mapping *m);

#endif
