/* SPDX-License-Identifier: MIT */
/*
 * JSON on top of cJSON: what cJSON leaves to its users.
 *
 * A document is checked before cJSON sees it, because cJSON takes more than JSON:
 * nesting is limited, raw control characters and \u0000 (which would cut a C string
 * short) are refused, and so are duplicate keys, of which cJSON would find the first
 * and other readers the last.
 *
 * The getters name the file and the key in their messages.  @file is any name that
 * tells the user where the text came from.
 */
#ifndef IO_JSON_H
#define IO_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

#define JSON_DEPTH_MAX	64
#define JSON_BYTES_MAX	((size_t)256 << 20)

/**
 * json_parse() - parse @len bytes of @text, which need no NUL at the end.
 * @root: the document; the caller frees it with cJSON_Delete()
 *
 * Return: 0; -EINVAL if it is not JSON, nests deeper than JSON_DEPTH_MAX or has a key
 * twice; -EFBIG if longer than JSON_BYTES_MAX; -ENOMEM.  The message names the line.
 */
int json_parse(const char *file, const char *text, size_t len, cJSON **root);

/** json_read() - json_parse() of the file @path. */
int json_read(const char *path, cJSON **root);

/** json_get() - value of @key (case matters), or NULL. */
const cJSON *json_get(const cJSON *object, const char *key);

/**
 * json_int() - integer value of @key, in [@min, @max].
 *
 * JSON numbers are doubles here: integers beyond 2^53 are refused.
 * Return: 0; -ENOENT if the key is missing; -EINVAL; all with a message.
 */
int json_int(const char *file, const cJSON *object, const char *key, long long min,
	     long long max, long long *value);
int json_double(const char *file, const cJSON *object, const char *key, double *value);
int json_bool(const char *file, const cJSON *object, const char *key, bool *value);
/** json_string() - text of @key; it belongs to the document. */
int json_string(const char *file, const cJSON *object, const char *key, const char **value);
int json_object(const char *file, const cJSON *object, const char *key, const cJSON **value);
int json_array(const char *file, const cJSON *object, const char *key, const cJSON **value);

/**
 * json_item_int() - the number @item itself as an integer in [@min, @max].
 * @key: what it is, for the message
 */
int json_item_int(const char *file, const char *key, const cJSON *item, long long min,
		  long long max, long long *value);

/** json_add_string() - append @s quoted and escaped. */
void json_add_string(struct strbuf *sb, const char *s);

/**
 * json_add_double() - append @value with the fewest digits that read back equal.
 *
 * JSON has no NaN and no infinity: both become null.
 */
void json_add_double(struct strbuf *sb, double value);

#endif
