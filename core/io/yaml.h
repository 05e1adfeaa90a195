/* SPDX-License-Identifier: MIT */
/*
 * YAML documents: plans, manifests, states, written and read through libyaml.
 *
 * What is read is YAML without surprises: one document of mappings, lists and
 * scalars.  Anchors, aliases, tags and duplicate keys are refused.  A scalar is text;
 * the getter says what it must be, so that a version "1.10" never becomes a number.
 *
 * The prefix is yml_ because libyaml exports more names in yaml_ than it documents
 * (yaml_free(), for one): ours would take the place of its own.
 */
#ifndef IO_YAML_H
#define IO_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

#define YML_DEPTH_MAX	32
#define YML_BYTES_MAX	((size_t)16 << 20)

/* ---- writing ---- */

struct yml_writer;

/**
 * yml_writer_new() - begin a document whose root is a mapping; NULL: out of memory.
 *
 * Keys come out in the order of the calls.  Errors are remembered until
 * yml_writer_end(), as with struct strbuf.
 * @key: NULL inside a list
 */
struct yml_writer *yml_writer_new(void);
void yml_put_text(struct yml_writer *w, const char *key, const char *value);
void yml_put_int(struct yml_writer *w, const char *key, long long value);
/** yml_put_double() - reads back equal; NaN and infinities are .nan, .inf, -.inf. */
void yml_put_double(struct yml_writer *w, const char *key, double value);
void yml_put_bool(struct yml_writer *w, const char *key, bool value);
void yml_begin_map(struct yml_writer *w, const char *key);
void yml_end_map(struct yml_writer *w);
void yml_begin_list(struct yml_writer *w, const char *key);
void yml_end_list(struct yml_writer *w);
/** yml_put_texts() - a list of texts; @values ends with NULL, or is NULL. */
void yml_put_texts(struct yml_writer *w, const char *key, const char *const *values);
/** yml_writer_end() - append the document to @out and free @w. 0 or -errno. */
int yml_writer_end(struct yml_writer *w, struct strbuf *out);
/** yml_writer_drop() - free @w without a document; NULL is fine. */
void yml_writer_drop(struct yml_writer *w);

/* ---- reading ---- */

enum yml_kind { YML_IS_TEXT, YML_IS_MAP, YML_IS_LIST };

/** struct yml - a node of the document; its children in the order of the file. */
struct yml {
	enum yml_kind kind;
	const char *file;
	const char *key;		/* in its mapping; NULL in a list and at the root */
	const char *text;		/* of a scalar, else NULL */
	long line;
	struct yml *child;	/* of a mapping or list */
	struct yml *next;
};

/** yml_parse() - read @len bytes; @file is for messages. 0 or -errno with file:line. */
int yml_parse(const char *file, const char *bytes, size_t len, struct yml **root);
/** yml_read() - yml_parse() of the file @path. */
int yml_read(const char *path, struct yml **root);
void yml_free(struct yml *root);

/** yml_get() - value of @key in the mapping @map, or NULL (no message). */
const struct yml *yml_get(const struct yml *map, const char *key);
/** yml_count() - children of a mapping or list. */
size_t yml_count(const struct yml *v);

/*
 * Getters.  Return: 0; -ENOENT if the key is missing; -EINVAL if the value is something
 * else; the message names file, line and key.
 */
int yml_text(const struct yml *map, const char *key, const char **value);
int yml_int(const struct yml *map, const char *key, long long *value);
int yml_double(const struct yml *map, const char *key, double *value);
int yml_bool(const struct yml *map, const char *key, bool *value);
int yml_map(const struct yml *map, const char *key, const struct yml **value);
int yml_list(const struct yml *map, const char *key, const struct yml **value);

/** yml_fail() - -EINVAL with "FILE:LINE: 'KEY' WHAT", for a caller's own checks. */
int yml_fail(const struct yml *v, const char *what);

#define yml_for_each(v, parent)						\
	for ((v) = (parent)->child; (v); (v) = (v)->next)

#endif
