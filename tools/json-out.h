/* SPDX-License-Identifier: MIT */
/*
 * The answer of a command as JSON: one object, on the last line of stdout.
 *
 *	struct json_out *o = json_out_new();
 *
 *	json_out_text(o, "hash", hex);
 *	json_out_number(o, "loss", loss);
 *	return json_out_print(o);
 *
 * Nothing has to be checked on the way: json_out_print() reports what failed.
 * Without CONFIG_JSON the functions do nothing, and json_out_check() refuses --json.
 */
#ifndef TOOLS_JSON_OUT_H
#define TOOLS_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/fail.h"

struct json_out;	/* an object or an array */

#ifdef CONFIG_JSON

struct json_out *json_out_new(void);

/** json_out_object() - a new object inside @o; @key is NULL if @o is an array. */
struct json_out *json_out_object(struct json_out *o, const char *key);
struct json_out *json_out_array(struct json_out *o, const char *key);
/** json_out_text() - what is not valid UTF-8 in it becomes U+FFFD. */
void json_out_text(struct json_out *o, const char *key, const char *value);
/** json_out_bytes() - the same from @len bytes; NUL is replaced, too. */
void json_out_bytes(struct json_out *o, const char *key, const char *bytes, size_t len);
/** json_out_bytes() - the same from @len bytes, which may hold NUL: that is replaced, too. */
void json_out_bytes(struct json_out *o, const char *key, const char *bytes, size_t len);
void json_out_int(struct json_out *o, const char *key, long long value);
/** json_out_number() - NaN and infinities, which JSON lacks, become null. */
void json_out_number(struct json_out *o, const char *key, double value);
void json_out_bool(struct json_out *o, const char *key, bool value);

/** json_out_print() - print @o as one line and free it. Return: 0 or -errno. */
int json_out_print(struct json_out *o);

/** json_out_free() - free @o without printing it. */
void json_out_free(struct json_out *o);

static inline int json_out_check(void)
{
	return 0;
}

#else

static inline struct json_out *json_out_new(void) { return NULL; }
static inline struct json_out *json_out_object(struct json_out *o, const char *key)
{
	return NULL;
}
static inline struct json_out *json_out_array(struct json_out *o, const char *key)
{
	return NULL;
}
static inline void json_out_text(struct json_out *o, const char *key, const char *value) { }
static inline void json_out_bytes(struct json_out *o, const char *key, const char *bytes,
				  size_t len)
{
}

static inline void json_out_int(struct json_out *o, const char *key, long long value) { }
static inline void json_out_number(struct json_out *o, const char *key, double value) { }
static inline void json_out_bool(struct json_out *o, const char *key, bool value) { }
static inline void json_out_free(struct json_out *o) { }

static inline int json_out_check(void)
{
	return fail(-ENOTSUP, "--json: this binary was built without CONFIG_JSON");
}

static inline int json_out_print(struct json_out *o)
{
	return json_out_check();
}

#endif
#endif
