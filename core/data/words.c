// SPDX-License-Identifier: MIT
#define PCRE2_CODE_UNIT_WIDTH 8
#include "data/words.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/build-info.h"
#include "base/fail.h"
#include "base/strbuf.h"
#include "data/bpe.h"
#include "data/utf8.h"

/* struct cutter - one pattern. */
struct cutter {
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	bool jit;
	/* A match found beyond a gap, kept for the call after the one that gave the gap. */
	const char *text;
	size_t begin, end;
};

struct words {
	int nr;
	struct cutter cutters[TOKEN_SPLITS_MAX];
};

/*
 * Unicode's White_Space, which is what \s means to the regex libraries of the reference
 * tokenizers; PCRE2's \s also has U+180E.
 */
#define BLANKS	"\\t-\\r \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}" \
		"\\x{202f}\\x{205f}\\x{3000}"

static void translate(const char *pattern, struct strbuf *sb)
{
	bool in_class = false;

	for (const char *p = pattern; *p; p++) {
		if (*p == '\\' && p[1]) {
			p++;
			if (*p == 's')
				strbuf_adds(sb, in_class ? BLANKS : "[" BLANKS "]");
			else if (*p == 'S' && !in_class)
				strbuf_adds(sb, "[^" BLANKS "]");
			else
				strbuf_addf(sb, "\\%c", *p);
			continue;
		}
		if (*p == '[')
			in_class = true;
		else if (*p == ']' && p[-1] != ':')	/* not the end of [:alpha:] */
			in_class = false;
		strbuf_addc(sb, *p);
	}
}

static int compile(const char *path, const char *pattern, struct cutter *w)
{
	struct strbuf sb;
	PCRE2_UCHAR text[128];
	PCRE2_SIZE at;
	int err, ret;

	strbuf_init(&sb);
	translate(pattern, &sb);
	ret = strbuf_ok(&sb);
	if (ret)
		goto out;
	w->code = pcre2_compile((PCRE2_SPTR)sb.s, sb.len, PCRE2_UTF | PCRE2_UCP, &err, &at,
				NULL);
	if (!w->code) {
		pcre2_get_error_message(err, text, sizeof(text));
		ret = fail(-EINVAL, "%s: pattern '%s': %s", path, pattern, (char *)text);
	}
out:
	strbuf_free(&sb);
	return ret;
}

static int cutter_make(const char *path, const char *pattern, struct cutter *w)
{
	int ret = compile(path, pattern, w);

	if (ret)
		return ret;
	w->jit = !pcre2_jit_compile(w->code, PCRE2_JIT_COMPLETE);
	w->match = pcre2_match_data_create(1, NULL);
	w->context = pcre2_match_context_create(NULL);
	w->stack = w->jit ? pcre2_jit_stack_create(32 << 10, 8 << 20, NULL) : NULL;
	if (!w->match || !w->context || (w->jit && !w->stack))
		return fail_nomem(32 << 10, "a pattern");
	pcre2_jit_stack_assign(w->context, NULL, w->stack);
	return 0;
}

int words_new(const char *path, const char *const *patterns, int nr, struct words **out)
{
	struct words *w = calloc(1, sizeof(*w));
	int ret = 0;

	if (!w)
		return fail_nomem(sizeof(*w), "a pattern");
	for (int i = 0; i < nr && !ret; i++) {
		w->nr = i + 1;
		ret = cutter_make(path, patterns[i], &w->cutters[i]);
	}
	if (ret)
		words_free(w);
	else
		*out = w;
	return ret;
}

void words_free(struct words *w)
{
	for (int i = 0; w && i < w->nr; i++) {
		struct cutter *c = &w->cutters[i];

		pcre2_jit_stack_free(c->stack);
		pcre2_match_context_free(c->context);
		pcre2_match_data_free(c->match);
		pcre2_code_free(c->code);
	}
	free(w);
}

/* Find the first match that is not empty at or after @at. 1 found, 0 none, -errno. */
static int find(struct cutter *w, const char *s, size_t len, size_t at)
{
	const PCRE2_SIZE *bounds = pcre2_get_ovector_pointer(w->match);
	PCRE2_UCHAR text[128];
	int rc;

	if (w->jit)
		rc = pcre2_jit_match(w->code, (PCRE2_SPTR)s, len, at, PCRE2_NOTEMPTY, w->match,
				     w->context);
	else
		rc = pcre2_match(w->code, (PCRE2_SPTR)s, len, at,
				 PCRE2_NOTEMPTY | PCRE2_NO_UTF_CHECK, w->match, w->context);
	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	if (rc < 0) {
		pcre2_get_error_message(rc, text, sizeof(text));
		return fail(-EINVAL, "tokenizer: matching the pattern at byte %zu: %s", at,
			    (char *)text);
	}
	/* \K in a lookaround could put the bounds anywhere. */
	if (bounds[0] < at || bounds[1] <= bounds[0] || bounds[1] > len)
		return fail(-EINVAL, "tokenizer: the pattern matches backwards at byte %zu", at);
	w->text = s;
	w->begin = bounds[0];
	w->end = bounds[1];
	return 1;
}

/*
 * The end of the word that begins at @at in the valid UTF-8 text @s, at < len; what the
 * pattern does not match is a word as well.  Return: the end, above @at; or -errno.
 */
static long cutter_next(struct cutter *w, const char *s, size_t len, size_t at)
{
	int ret;

	if (!at)
		w->text = NULL;	/* another text may have the same address */
	if (w->text == s && w->begin == at && w->end > at) {
		w->text = NULL;
		return w->end;
	}
	ret = find(w, s, len, at);
	if (ret < 0)
		return ret;
	if (!ret)
		return len;
	if (w->begin > at)
		return w->begin;	/* the gap; the match is the next word */
	w->text = NULL;
	return w->end;
}

/* A word that goes on and on is given in parts, so that no word is longer than the limit. */
static int give(const char *word, size_t len, word_fn fn, void *ctx)
{
	while (len > BPE_WORD_MAX) {
		int ret = fn(ctx, word, BPE_WORD_MAX);

		if (ret)
			return ret;
		word += BPE_WORD_MAX;
		len -= BPE_WORD_MAX;
	}
	return fn(ctx, word, len);
}

static int each_valid(struct words *w, int level, const char *text, size_t len, word_fn fn,
		      void *ctx)
{
	size_t at = 0;

	if (level == w->nr)
		return give(text, len, fn, ctx);
	while (at < len) {
		long end = cutter_next(&w->cutters[level], text, len, at);
		int ret;

		if (end < 0)
			return end;
		ret = each_valid(w, level + 1, text + at, end - at, fn, ctx);
		if (ret)
			return ret;
		at = end;
	}
	return 0;
}

int words_each(struct words *w, const char *text, size_t len, word_fn fn, void *ctx)
{
	int ret = 0;

	while (len && !ret) {
		size_t n = utf8_valid(text, len);

		if (n) {
			ret = each_valid(w, 0, text, n, fn, ctx);
		} else {
			n = utf8_invalid(text, len);
			ret = give(text, n, fn, ctx);
		}
		text += n;
		len -= n;
	}
	return ret;
}

static const char *pcre2_version(void)
{
	static char text[64];

	pcre2_config(PCRE2_CONFIG_VERSION, text);
	return text;
}

static const struct library pcre2 = { "PCRE2", pcre2_version };
LIBRARY_REGISTER(pcre2);
