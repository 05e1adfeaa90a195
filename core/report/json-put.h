/* SPDX-License-Identifier: MIT */
/*
 * JSON, written as it goes: commas and quotes are put where they belong.
 *
 *	strbuf_addc(out, '{');
 *	json_put_number(out, "loss", 2.5);
 *	json_put_open(out, "seeds", '[');
 *	...
 *	strbuf_adds(out, "]}");
 */
#ifndef REPORT_JSON_PUT_H
#define REPORT_JSON_PUT_H

#include <stdbool.h>

#include "base/strbuf.h"

/** json_put_separator() - a comma, unless what follows is the first of its object or list. */
void json_put_separator(struct strbuf *out);

/** json_put_item() - a text alone; what is no UTF-8 in it becomes U+FFFD. */
void json_put_item(struct strbuf *out, const char *text);

/** json_put_key() - separator and key; the value follows. */
void json_put_key(struct strbuf *out, const char *key);

/** json_put_open() - a key whose value begins with @bracket, that the caller closes. */
void json_put_open(struct strbuf *out, const char *key, char bracket);

void json_put_text(struct strbuf *out, const char *key, const char *text);
/** json_put_number() - reads back equal; what is not finite becomes null. */
void json_put_number(struct strbuf *out, const char *key, double value);
void json_put_bool(struct strbuf *out, const char *key, bool value);

#endif
