// SPDX-License-Identifier: MIT
#include "tools/json-out.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/build-info.h"
#include "base/param.h"
#include "base/strbuf.h"
#include "data/utf8.h"

/* An addition failed somewhere in the object that is being made. */
static bool failed;

static cJSON *node(struct json_out *o)
{
	return (cJSON *)o;
}

/* @item becomes part of @o, or is freed. */
static struct json_out *add(struct json_out *o, const char *key, cJSON *item)
{
	bool done;

	if (!o || !item) {
		cJSON_Delete(item);
		failed = true;
		return NULL;
	}
	done = key ? cJSON_AddItemToObject(node(o), key, item) :
		     cJSON_AddItemToArray(node(o), item);
	if (!done) {
		cJSON_Delete(item);
		failed = true;
		return NULL;
	}
	return (struct json_out *)item;
}

struct json_out *json_out_new(void)
{
	failed = false;
	return (struct json_out *)cJSON_CreateObject();
}

struct json_out *json_out_object(struct json_out *o, const char *key)
{
	return add(o, key, cJSON_CreateObject());
}

struct json_out *json_out_array(struct json_out *o, const char *key)
{
	return add(o, key, cJSON_CreateArray());
}

void json_out_text(struct json_out *o, const char *key, const char *value)
{
	json_out_bytes(o, key, value, strlen(value));
}

void json_out_bytes(struct json_out *o, const char *key, const char *bytes, size_t len)
{
	struct strbuf sb;

	strbuf_init(&sb);
	utf8_clean(&sb, bytes, len);
	add(o, key, strbuf_ok(&sb) ? NULL : cJSON_CreateString(sb.s));
	strbuf_free(&sb);
}

void json_out_int(struct json_out *o, const char *key, long long value)
{
	char text[24];

	/* cJSON's own numbers are doubles: they would round beyond 2^53. */
	snprintf(text, sizeof(text), "%lld", value);
	add(o, key, cJSON_CreateRaw(text));
}

void json_out_number(struct json_out *o, const char *key, double value)
{
	struct strbuf sb;

	/* cJSON's own numbers lose the last bits: these read back equal. */
	strbuf_init(&sb);
	if (isfinite(value))
		number_add(&sb, value);
	else
		strbuf_adds(&sb, "null");
	add(o, key, strbuf_ok(&sb) ? NULL : cJSON_CreateRaw(sb.s));
	strbuf_free(&sb);
}

void json_out_bool(struct json_out *o, const char *key, bool value)
{
	add(o, key, cJSON_CreateBool(value));
}

int json_out_print(struct json_out *o)
{
	char *text = o && !failed ? cJSON_PrintUnformatted(node(o)) : NULL;

	cJSON_Delete(node(o));
	if (!text)
		return fail(-ENOMEM, "out of memory for the JSON output");
	puts(text);
	cJSON_free(text);
	return 0;
}

static const struct library cjson = { "cJSON", cJSON_Version };
LIBRARY_REGISTER(cjson);

void json_out_free(struct json_out *o)
{
	cJSON_Delete(node(o));
}
