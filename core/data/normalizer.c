// SPDX-License-Identifier: MIT
#include "data/normalizer.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/charsmap.h"
#include "data/marks.h"
#include "data/nfc.h"
#include "data/utf8.h"

static const char *copy_text(const char *s, size_t len)
{
	char *copy = s ? malloc(len + 1) : NULL;

	if (copy) {
		memcpy(copy, s, len);
		copy[len] = '\0';
	}
	return copy;
}

int normalizer_add(const char *path, struct normalizer **normalizer,
		   const struct norm_step *step)
{
	struct normalizer *n = *normalizer;
	struct norm_step *s;
	int ret;

	if (step->kind == NORM_CHARSMAP) {
		ret = charsmap_check(path, step->from, step->from_len);
		if (ret)
			return ret;
	}
	if (!n)
		n = *normalizer = calloc(1, sizeof(*n));
	if (!n)
		return fail_nomem(sizeof(*n), "a normalizer");
	if (n->nr == NORM_STEPS_MAX)
		return fail(-ENOTSUP, "%s: more than %d steps before tokens", path,
			    NORM_STEPS_MAX);
	s = &n->steps[n->nr];
	*s = *step;
	s->from = copy_text(step->from, step->from_len);
	s->to = copy_text(step->to, step->to_len);
	n->nr++;
	if ((step->from && !s->from) || (step->to && !s->to))
		return fail_nomem(step->from_len + step->to_len, "a normalizer");
	return 0;
}

void normalizer_free(struct normalizer *n)
{
	if (!n)
		return;
	for (int i = 0; i < n->nr; i++) {
		free((void *)n->steps[i].from);
		free((void *)n->steps[i].to);
	}
	free(n);
}

static void replace(const struct norm_step *s, const char *text, size_t len, struct strbuf *out)
{
	while (len) {
		const char *at = s->from_len == 1 ? memchr(text, *s->from, len)
						  : memmem(text, len, s->from, s->from_len);

		if (!at)
			break;
		strbuf_add(out, text, at - text);
		strbuf_add(out, s->to, s->to_len);
		len -= at - text + s->from_len;
		text = at + s->from_len;
	}
	strbuf_add(out, text, len);
}

static void squeeze(const struct norm_step *s, const char *text, size_t len, struct strbuf *out)
{
	for (size_t i = 0, n; i < len; i += n) {
		for (n = 0; i + n < len && text[i + n] == ' '; n++)
			;
		if (n > 1) {
			strbuf_add(out, s->to, s->to_len);
		} else {
			n = 1;
			strbuf_addc(out, text[i]);
		}
	}
}

static void strip(bool left, bool right, const char **text, size_t *len)
{
	size_t n;

	while (left && (n = utf8_blank(*text, *len))) {
		*text += n;
		*len -= n;
	}
	while (right && (n = utf8_blank_before(*text, *len)))
		*len -= n;
}

static void squeeze_blanks(const char *text, size_t len, struct strbuf *out)
{
	strip(true, true, &text, &len);
	while (len) {
		size_t n = utf8_blank(text, len), all = n;

		if (!n) {
			all = utf8_first(text, len);
			strbuf_add(out, text, all);
		} else {
			while ((n = utf8_blank(text + all, len - all)))
				all += n;
			strbuf_addc(out, ' ');
		}
		text += all;
		len -= all;
	}
}

static void spaces(const struct norm_step *s, bool first, const char *text, size_t len,
		   struct strbuf *out)
{
	const size_t symbol = strlen(SPACE_SYMBOL);
	bool before = s->merge;

	while (s->merge && len && text[len - 1] == ' ')
		len--;
	while (s->merge && len && *text == ' ') {
		text++;
		len--;
	}
	if (len && (s->prefix == SPACE_EACH || (s->prefix == SPACE_FIRST && first)))
		strbuf_adds(out, SPACE_SYMBOL);
	while (len) {
		const char *at = memchr(text, ' ', len);
		size_t n = at ? (size_t)(at - text) : len;

		strbuf_add(out, text, n);
		before = before && !n;
		if (n < len && !before)
			strbuf_adds(out, SPACE_SYMBOL);
		before = s->merge;
		n += n < len;
		text += n;
		len -= n;
	}
	while (s->right && out->len >= symbol &&
	       !memcmp(out->s + out->len - symbol, SPACE_SYMBOL, symbol))
		out->len -= symbol;
}

static void metaspace(const struct norm_step *s, bool first, const char *text, size_t len,
		      struct strbuf *out)
{
	bool has = len && (*text == ' ' ||
			   (len >= s->to_len && !memcmp(text, s->to, s->to_len)));
	const struct norm_step each = {
		.from = " ", .from_len = 1, .to = s->to, .to_len = s->to_len,
	};

	if (len && !has && (s->prefix == SPACE_EACH || (s->prefix == SPACE_FIRST && first)))
		strbuf_add(out, s->to, s->to_len);
	replace(&each, text, len, out);
}

static void charsmap(const struct normalizer *n, const struct norm_step *s, const char *text,
		     size_t len, struct strbuf *out)
{
	struct mark mark;
	size_t at = 0;

	while (n->keep && marks_next(n->keep, true, false, text, len, at, &mark)) {
		charsmap_run(s->from, s->from_len, text + at, mark.begin - at, out);
		strbuf_add(out, text + mark.begin, mark.end - mark.begin);
		at = mark.end;
	}
	charsmap_run(s->from, s->from_len, text + at, len - at, out);
}

static int run_step(const struct normalizer *n, const struct norm_step *s, bool first,
		    const char *text, size_t len, struct strbuf *out)
{
	switch (s->kind) {
	case NORM_NFC:
		return nfc_run(text, len, out);
	case NORM_PREPEND:
		if (len)
			strbuf_add(out, s->to, s->to_len);
		strbuf_add(out, text, len);
		break;
	case NORM_REPLACE:
		replace(s, text, len, out);
		break;
	case NORM_SQUEEZE:
		squeeze(s, text, len, out);
		break;
	case NORM_STRIP:
		strip(s->left, s->right, &text, &len);
		strbuf_add(out, text, len);
		break;
	case NORM_BLANKS:
		squeeze_blanks(text, len, out);
		break;
	case NORM_CHARSMAP:
		charsmap(n, s, text, len, out);
		break;
	case NORM_SPACES:
		spaces(s, first, text, len, out);
		break;
	case NORM_METASPACE:
		metaspace(s, first, text, len, out);
		break;
	}
	return 0;
}

int normalizer_run(const struct normalizer *n, enum norm_phase phase, bool first,
		   const char *text, size_t len, struct strbuf *out)
{
	struct strbuf other, swap;
	bool done = false;
	int ret = 0;

	strbuf_init(&other);
	for (int i = 0; i < n->nr && !ret; i++) {
		if (n->steps[i].phase != phase)
			continue;
		strbuf_clear(&other);
		ret = run_step(n, &n->steps[i], first, text, len, &other);
		if (ret)
			break;
		swap = *out;
		*out = other;
		other = swap;
		ret = strbuf_ok(out);
		text = out->s;
		len = out->len;
		done = true;
	}
	if (!ret && !done) {
		strbuf_clear(out);
		strbuf_add(out, text, len);
		ret = strbuf_ok(out);
	}
	strbuf_free(&other);
	return ret;
}

bool normalizer_has(const struct normalizer *n, enum norm_phase phase)
{
	for (int i = 0; n && i < n->nr; i++)
		if (n->steps[i].phase == phase)
			return true;
	return false;
}

const struct norm_step *normalizer_find(const struct normalizer *n, enum norm_kind kind)
{
	for (int i = 0; n && i < n->nr; i++)
		if (n->steps[i].kind == kind)
			return &n->steps[i];
	return NULL;
}

void normalizer_hash(const struct normalizer *n, struct hash *h)
{
	for (int i = 0; i < n->nr; i++) {
		const struct norm_step *s = &n->steps[i];
		unsigned char facts[] = {
			s->kind, s->phase, s->left, s->right, s->merge, s->prefix,
			!!s->from, !!s->to,
		};
		uint64_t lens[2] = { s->from_len, s->to_len };

		hash_update(h, facts, sizeof(facts));
		hash_update(h, lens, sizeof(lens));
		hash_update(h, s->from ? s->from : "", s->from_len);
		hash_update(h, s->to ? s->to : "", s->to_len);
	}
}
