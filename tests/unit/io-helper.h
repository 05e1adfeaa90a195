/* SPDX-License-Identifier: MIT */
/* What the tests of core/io share. */
#ifndef TESTS_UNIT_IO_HELPER_H
#define TESTS_UNIT_IO_HELPER_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"

/* A new folder for the files of one test; remove it with scratch_remove(). */
static inline char *scratch_make(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = str_printf("%s/knlp-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");

	if (!dir || !mkdtemp(dir)) {
		perror("mkdtemp");
		exit(1);
	}
	return dir;
}

static inline void scratch_remove(char *dir)
{
	dir_remove_tree(dir);
	free(dir);
}

/* Is @part in the recorded message?  Says both if not. */
static inline bool message_has(const char *part)
{
	if (strstr(fail_message(), part))
		return true;
	fprintf(stderr, "expected '%s' in: %s\n", part, fail_message());
	return false;
}

static inline void write_raw(const char *path, const void *bytes, size_t len)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(bytes, 1, len, f) != len || fclose(f)) {
		perror(path);
		exit(1);
	}
}

#endif
