/* SPDX-License-Identifier: MIT */
/* What the tests of core/data share. */
#ifndef TESTS_UNIT_DATA_HELPER_H
#define TESTS_UNIT_DATA_HELPER_H

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/dataset.h"
#include "data/prepare.h"
#include "data/tokenizer.h"
#include "tests/unit/io-helper.h"
#include "tests/unit/test.h"

/* A file of the source tree; SRCTREE is set when `make check` runs the tests. */
static inline char *tree_path(const char *name)
{
	const char *tree = getenv("SRCTREE");

	return str_printf("%s/%s", tree && *tree ? tree : ".", name);
}

/* A file of the development data, which need not be there: NULL, after saying so. */
static inline char *dev_path(const char *name)
{
	const char *data = getenv("KNLP_TEST_DATA");
	char *path = data && *data ? str_printf("%s/%s", data, name) : NULL;
	char *near;

	if (!path) {
		near = str_printf("../shared/data/%s", name);
		path = tree_path(near);
		free(near);
	}
	if (file_exists(path))
		return path;
	fprintf(stderr, "knlp-test: skipped: no %s (set KNLP_TEST_DATA)\n", path);
	free(path);
	return NULL;
}

/* The bytes that @hex says, up to what is no hex digit, into @out; how many. */
static inline size_t unhex(const char *hex, char *out)
{
	unsigned int byte;
	size_t n = 0;

	while (isxdigit((unsigned char)hex[2 * n]) && sscanf(hex + 2 * n, "%2x", &byte) == 1)
		out[n++] = byte;
	return n;
}

static inline void write_text(const char *dir, const char *name, const char *text)
{
	char *path = path_join(dir, name);

	write_raw(path, text, strlen(text));
	free(path);
}

/* A file's text with @from replaced by @to once, written to @to_path. */
static inline void write_changed(const char *path, const char *to_path, const char *from,
				 const char *to)
{
	struct strbuf sb;
	char *text, *at;
	size_t len;

	check_ok(file_read_all(path, 1 << 26, &text, &len));
	at = strstr(text, from);
	ck_assert_msg(at != NULL, "%s: no '%s'", path, from);
	strbuf_init(&sb);
	strbuf_add(&sb, text, at - text);
	strbuf_adds(&sb, to);
	strbuf_adds(&sb, at + strlen(from));
	write_raw(to_path, sb.s, sb.len);
	strbuf_free(&sb);
	free(text);
}

/* Decoding the ids in order must give the text back. */
static inline void check_lossless(struct tokenizer *tok, const char *text, size_t len)
{
	struct token_list list = { 0 };
	size_t at = 0;

	check_ok(tokenizer_encode(tok, text, len, &list));
	for (size_t i = 0; i < list.nr; i++) {
		const char *bytes;
		size_t n;

		/* A macro of check costs a write() each time: only where it fails. */
		if (tokenizer_decode(tok, list.ids[i], &bytes, &n) ||
		    tokenizer_is_special(tok, list.ids[i]) || at + n > len ||
		    memcmp(text + at, bytes, n))
			ck_abort_msg("token %zu, at byte %zu: %s", i, at, fail_message());
		at += n;
	}
	ck_assert_uint_eq(at, len);
	token_list_free(&list);
}

#endif
