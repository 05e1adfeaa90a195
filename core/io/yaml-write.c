// SPDX-License-Identifier: MIT
#include "io/yaml.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/fail.h"
#include "base/param.h"

struct yml_writer {
	yaml_emitter_t emitter;
	struct strbuf text;
	bool failed;
	char problem[128];
};

static int append(void *ctx, unsigned char *bytes, size_t len)
{
	struct yml_writer *w = ctx;

	strbuf_add(&w->text, bytes, len);
	return !w->text.failed;
}

static void emit(struct yml_writer *w, yaml_event_t *e, int made)
{
	if (w->failed) {
		if (made)
			yaml_event_delete(e);
		return;
	}
	if (made && yaml_emitter_emit(&w->emitter, e))	/* takes the event in any case */
		return;
	w->failed = true;
	if (w->emitter.problem)
		strncpy(w->problem, w->emitter.problem, sizeof(w->problem) - 1);
}

/* Would another reader take this plain text for a number, a boolean or nothing? */
static bool needs_quotes(const char *s)
{
	static const char *const words[] = { "", "~", "null", "true", "false", "yes", "no", "on",
					     "off", "y", "n", ".nan", ".inf", "-.inf", "+.inf",
					     "=", "<<" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(words[i], s))
			return true;
	return isdigit((unsigned char)*s) || strchr("+-.", *s);
}

static void put_scalar(struct yml_writer *w, const char *s, yaml_scalar_style_t style)
{
	yaml_event_t e;

	emit(w, &e, yaml_scalar_event_initialize(&e, NULL, NULL, (const yaml_char_t *)s,
						 (int)strlen(s), 1, 1, style));
}

static void put_text(struct yml_writer *w, const char *s)
{
	yaml_scalar_style_t style = YAML_ANY_SCALAR_STYLE;

	if (needs_quotes(s))
		style = YAML_SINGLE_QUOTED_SCALAR_STYLE;
	if (strpbrk(s, "\n\t\r"))
		style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	put_scalar(w, s, style);
}

static void put_key(struct yml_writer *w, const char *key)
{
	if (key)
		put_text(w, key);
}

struct yml_writer *yml_writer_new(void)
{
	struct yml_writer *w = calloc(1, sizeof(*w));
	yaml_event_t e;

	if (!w)
		return NULL;
	if (!yaml_emitter_initialize(&w->emitter)) {
		free(w);
		return NULL;
	}
	strbuf_init(&w->text);
	yaml_emitter_set_output(&w->emitter, append, w);
	yaml_emitter_set_width(&w->emitter, -1);	/* never fold a line */
	yaml_emitter_set_unicode(&w->emitter, 1);
	emit(w, &e, yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING));
	emit(w, &e, yaml_document_start_event_initialize(&e, NULL, NULL, NULL, 1));
	yml_begin_map(w, NULL);
	return w;
}

void yml_put_text(struct yml_writer *w, const char *key, const char *value)
{
	put_key(w, key);
	put_text(w, value);
}

void yml_put_int(struct yml_writer *w, const char *key, long long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", value);
	put_key(w, key);
	put_scalar(w, text, YAML_PLAIN_SCALAR_STYLE);
}

/* YAML 1.1 readers take "1e-7" and "1e20" for texts: they want 1.0e-7 and 1.0e+20. */
static void add_number(struct strbuf *sb, double value)
{
	struct strbuf shortest;
	size_t mantissa;

	strbuf_init(&shortest);
	number_add(&shortest, value);
	mantissa = strcspn(shortest.s, "e");
	strbuf_add(sb, shortest.s, mantissa);
	if (shortest.s[mantissa]) {
		const char *exponent = shortest.s + mantissa + 1;

		if (!memchr(shortest.s, '.', mantissa))
			strbuf_adds(sb, ".0");
		strbuf_addf(sb, "e%s%s", *exponent == '-' ? "" : "+", exponent);
	}
	sb->failed |= shortest.failed;
	strbuf_free(&shortest);
}

void yml_put_double(struct yml_writer *w, const char *key, double value)
{
	struct strbuf sb;

	strbuf_init(&sb);
	if (isnan(value))
		strbuf_adds(&sb, ".nan");
	else if (isinf(value))
		strbuf_adds(&sb, value < 0 ? "-.inf" : ".inf");
	else
		add_number(&sb, value);
	w->failed |= sb.failed;
	put_key(w, key);
	put_scalar(w, sb.s, YAML_PLAIN_SCALAR_STYLE);
	strbuf_free(&sb);
}

void yml_put_bool(struct yml_writer *w, const char *key, bool value)
{
	put_key(w, key);
	put_scalar(w, value ? "true" : "false", YAML_PLAIN_SCALAR_STYLE);
}

void yml_begin_map(struct yml_writer *w, const char *key)
{
	yaml_event_t e;

	put_key(w, key);
	emit(w, &e, yaml_mapping_start_event_initialize(&e, NULL, NULL, 1,
							YAML_BLOCK_MAPPING_STYLE));
}

void yml_end_map(struct yml_writer *w)
{
	yaml_event_t e;

	emit(w, &e, yaml_mapping_end_event_initialize(&e));
}

void yml_begin_list(struct yml_writer *w, const char *key)
{
	yaml_event_t e;

	put_key(w, key);
	emit(w, &e, yaml_sequence_start_event_initialize(&e, NULL, NULL, 1,
							 YAML_BLOCK_SEQUENCE_STYLE));
}

void yml_end_list(struct yml_writer *w)
{
	yaml_event_t e;

	emit(w, &e, yaml_sequence_end_event_initialize(&e));
}

void yml_put_texts(struct yml_writer *w, const char *key, const char *const *values)
{
	yml_begin_list(w, key);
	for (; values && *values; values++)
		yml_put_text(w, NULL, *values);
	yml_end_list(w);
}

void yml_writer_drop(struct yml_writer *w)
{
	if (!w)
		return;
	yaml_emitter_delete(&w->emitter);
	strbuf_free(&w->text);
	free(w);
}

int yml_writer_end(struct yml_writer *w, struct strbuf *out)
{
	yaml_event_t e;
	int ret;

	yml_end_map(w);
	emit(w, &e, yaml_document_end_event_initialize(&e, 1));
	emit(w, &e, yaml_stream_end_event_initialize(&e));
	ret = strbuf_ok(&w->text);
	if (!ret && w->failed)
		ret = fail(-EINVAL, "cannot write YAML: %s",
			   *w->problem ? w->problem : "a text is not UTF-8, or no memory");
	if (!ret)
		strbuf_add(out, w->text.s, w->text.len);
	yml_writer_drop(w);
	return ret;
}
