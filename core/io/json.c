// SPDX-License-Identifier: MIT
#include "io/json.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/param.h"

/* struct scan - a walk over the bytes, before cJSON gets them. */
struct scan {
	const char *file;
	const char *s;
	size_t len;
	size_t at;
	long line;
};

static int scan_fail(const struct scan *sc, const char *what)
{
	return fail(-EINVAL, "%s:%ld: %s", sc->file, sc->line, what);
}

/* Over a string, from the byte after its opening quote to after its closing one. */
static int scan_string(struct scan *sc)
{
	while (sc->at < sc->len) {
		unsigned char c = sc->s[sc->at++];

		if (c == '"')
			return 0;
		if (c < 0x20)
			return scan_fail(sc, "control character in a string");
		if (c != '\\')
			continue;
		if (sc->len - sc->at >= 5 && !memcmp(sc->s + sc->at, "u0000", 5))
			return scan_fail(sc, "\\u0000 in a string");
		sc->at++;	/* an escaped quote does not end the string */
	}
	return scan_fail(sc, "a string has no end");
}

static int scan_text(struct scan *sc)
{
	int depth = 0, ret;

	while (sc->at < sc->len) {
		switch (sc->s[sc->at++]) {
		case '"':
			ret = scan_string(sc);
			if (ret)
				return ret;
			break;
		case '{':
		case '[':
			if (++depth > JSON_DEPTH_MAX)
				return scan_fail(sc, "nested too deeply");
			break;
		case '}':
		case ']':
			depth--;
			break;
		case '\n':
			sc->line++;
			break;
		case '\0':
			return scan_fail(sc, "a NUL byte");
		}
	}
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorting keeps this fast for the objects with 10^5 keys that vocabularies are. */
static int check_object(const char *file, const cJSON *object)
{
	size_t nr = cJSON_GetArraySize(object), n = 0;
	const cJSON *item;
	const char **keys;
	int ret = 0;

	if (nr < 2)
		return 0;
	keys = malloc(nr * sizeof(*keys));
	if (!keys)
		return fail_nomem(nr * sizeof(*keys), "JSON keys");
	cJSON_ArrayForEach(item, object)
		keys[n++] = item->string;
	qsort(keys, nr, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < nr && !ret; i++)
		if (!strcmp(keys[i - 1], keys[i]))
			ret = fail(-EINVAL, "%s: key '%s' appears twice", file, keys[i]);
	free(keys);
	return ret;
}

/* Recursion is bounded: scan_text() has refused deep documents. */
static int check_duplicates(const char *file, const cJSON *node)
{
	const cJSON *item;
	int ret;

	if (cJSON_IsObject(node)) {
		ret = check_object(file, node);
		if (ret)
			return ret;
	}
	cJSON_ArrayForEach(item, node) {
		if (!item->child)
			continue;
		ret = check_duplicates(file, item);
		if (ret)
			return ret;
	}
	return 0;
}

static long line_of(const char *text, const char *at)
{
	long line = 1;

	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

/* cJSON stops after the first value: only blanks may follow. */
static bool only_blanks(const char *s, const char *end)
{
	while (s < end && strchr(" \t\r\n", *s))
		s++;
	return s == end;
}

/* A copy with a NUL: cJSON before 1.7.18 reads one byte beyond an unfinished text. */
static int parse_copy(const char *file, const char *text, size_t len, cJSON **root)
{
	char *copy = malloc(len + 1);
	const char *end = copy;
	int ret = 0;

	if (!copy)
		return fail_nomem(len + 1, "a JSON text");
	if (len)
		memcpy(copy, text, len);
	copy[len] = '\0';
	*root = cJSON_ParseWithLengthOpts(copy, len + 1, &end, 0);
	if (!*root) {
		ret = fail(-EINVAL, "%s:%ld: not valid JSON", file, line_of(copy, end));
	} else if (!only_blanks(end, copy + len)) {
		ret = fail(-EINVAL, "%s:%ld: text after the end of the JSON value", file,
			   line_of(copy, end));
		cJSON_Delete(*root);
	}
	free(copy);
	return ret;
}

int json_parse(const char *file, const char *text, size_t len, cJSON **root)
{
	struct scan sc = { .file = file, .s = text, .len = len, .line = 1 };
	int ret;

	*root = NULL;
	if (len > JSON_BYTES_MAX)
		return fail(-EFBIG, "%s: %zu bytes of JSON are more than the limit of %zu", file,
			    len, JSON_BYTES_MAX);
	ret = scan_text(&sc);
	if (ret)
		return ret;
	ret = parse_copy(file, text, len, root);
	if (ret) {
		*root = NULL;
		return ret;
	}
	ret = check_duplicates(file, *root);
	if (ret) {
		cJSON_Delete(*root);
		*root = NULL;
	}
	return ret;
}

int json_read(const char *path, cJSON **root)
{
	size_t len;
	char *text;
	int ret;

	ret = file_read_all(path, JSON_BYTES_MAX, &text, &len);
	if (ret)
		return ret;
	ret = json_parse(path, text, len, root);
	free(text);
	return ret;
}

const cJSON *json_get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static int get_item(const char *file, const cJSON *object, const char *key, const cJSON **item)
{
	*item = json_get(object, key);
	if (!*item)
		return fail(-ENOENT, "%s: key '%s' is missing", file, key);
	return 0;
}

int json_item_int(const char *file, const char *key, const cJSON *item, long long min,
		  long long max, long long *value)
{
	double v = cJSON_GetNumberValue(item);

	if (!cJSON_IsNumber(item) || v != floor(v) || fabs(v) > 0x1p53)
		return fail(-EINVAL, "%s: '%s' is not an integer", file, key);
	if (v < (double)min || v > (double)max)
		return fail(-EINVAL, "%s: '%s' is %.0f, not in %lld..%lld", file, key, v, min,
			    max);
	*value = (long long)v;
	return 0;
}

int json_int(const char *file, const cJSON *object, const char *key, long long min,
	     long long max, long long *value)
{
	const cJSON *item;
	int ret = get_item(file, object, key, &item);

	return ret ? ret : json_item_int(file, key, item, min, max, value);
}

int json_double(const char *file, const cJSON *object, const char *key, double *value)
{
	const cJSON *item;
	int ret = get_item(file, object, key, &item);

	if (ret)
		return ret;
	if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble))
		return fail(-EINVAL, "%s: '%s' is not a finite number", file, key);
	*value = item->valuedouble;
	return 0;
}

int json_bool(const char *file, const cJSON *object, const char *key, bool *value)
{
	const cJSON *item;
	int ret = get_item(file, object, key, &item);

	if (ret)
		return ret;
	if (!cJSON_IsBool(item))
		return fail(-EINVAL, "%s: '%s' is not true or false", file, key);
	*value = cJSON_IsTrue(item);
	return 0;
}

int json_string(const char *file, const cJSON *object, const char *key, const char **value)
{
	const cJSON *item;
	int ret = get_item(file, object, key, &item);

	if (ret)
		return ret;
	if (!cJSON_IsString(item))
		return fail(-EINVAL, "%s: '%s' is not a string", file, key);
	*value = item->valuestring;
	return 0;
}

int json_object(const char *file, const cJSON *object, const char *key, const cJSON **value)
{
	int ret = get_item(file, object, key, value);

	if (!ret && !cJSON_IsObject(*value))
		return fail(-EINVAL, "%s: '%s' is not an object", file, key);
	return ret;
}

int json_array(const char *file, const cJSON *object, const char *key, const cJSON **value)
{
	int ret = get_item(file, object, key, value);

	if (!ret && !cJSON_IsArray(*value))
		return fail(-EINVAL, "%s: '%s' is not an array", file, key);
	return ret;
}

/* As cJSON escapes, so that a text is the same bytes whoever writes it. */
void json_add_string(struct strbuf *sb, const char *s)
{
	static const char raw[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";

	strbuf_addc(sb, '"');
	for (; *s; s++) {
		unsigned char c = *s;
		const char *at = strchr(raw, c);

		if (at)
			strbuf_addf(sb, "\\%c", letter[at - raw]);
		else if (c < 0x20)
			strbuf_addf(sb, "\\u%04x", c);
		else
			strbuf_addc(sb, *s);
	}
	strbuf_addc(sb, '"');
}

void json_add_double(struct strbuf *sb, double value)
{
	if (isfinite(value))
		number_add(sb, value);
	else
		strbuf_adds(sb, "null");
}
