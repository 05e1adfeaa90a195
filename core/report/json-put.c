// SPDX-License-Identifier: MIT
#include "report/json-put.h"

#include <string.h>

#include "data/utf8.h"
#include "io/json.h"

void json_put_separator(struct strbuf *out)
{
	char before = out->len ? out->s[out->len - 1] : '{';

	if (before != '{' && before != '[')
		strbuf_addc(out, ',');
}

void json_put_item(struct strbuf *out, const char *text)
{
	struct strbuf clean;

	strbuf_init(&clean);
	utf8_clean(&clean, text, strlen(text));
	json_add_string(out, clean.s);
	out->failed |= clean.failed;
	strbuf_free(&clean);
}

void json_put_key(struct strbuf *out, const char *key)
{
	json_put_separator(out);
	json_put_item(out, key);
	strbuf_addc(out, ':');
}

void json_put_open(struct strbuf *out, const char *key, char bracket)
{
	json_put_key(out, key);
	strbuf_addc(out, bracket);
}

void json_put_text(struct strbuf *out, const char *key, const char *text)
{
	json_put_key(out, key);
	json_put_item(out, text);
}

void json_put_number(struct strbuf *out, const char *key, double value)
{
	json_put_key(out, key);
	json_add_double(out, value);
}

void json_put_bool(struct strbuf *out, const char *key, bool value)
{
	json_put_key(out, key);
	strbuf_adds(out, value ? "true" : "false");
}
