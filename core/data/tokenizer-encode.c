// SPDX-License-Identifier: MIT
/* From text to ids and back: special and added tokens, normalizing, and what is between. */
#include <string.h>

#include "base/fail.h"
#include "data/marks.h"
#include "data/normalizer.h"
#include "data/utf8.h"

/* struct encoder - one text. */
struct encoder {
	struct tokenizer *tok;
	const struct encode_options *opt;
	struct token_list *out;
	bool first;		/* nothing of the text has been encoded yet */
	struct strbuf early, late, valid;
};

/* SentencePiece's map does not see what is put for bytes that are no UTF-8. */
static bool replaces_late(const struct tokenizer *tok)
{
	return normalizer_find(tok->normalizer, NORM_CHARSMAP);
}

static int replace(struct encoder *e, bool late, const char **text, size_t *len)
{
	if (!e->opt->replace_invalid || late != replaces_late(e->tok) ||
	    utf8_valid(*text, *len) == *len)
		return 0;
	strbuf_clear(&e->valid);
	utf8_replace(&e->valid, *text, *len);
	*text = e->valid.s;
	*len = e->valid.len;
	return strbuf_ok(&e->valid);
}

/* Text between all marks. */
static int encode_plain(struct encoder *e, const char *text, size_t len)
{
	struct tokenizer *tok = e->tok;
	int ret;

	if (normalizer_has(tok->normalizer, NORM_LATE)) {
		ret = normalizer_run(tok->normalizer, NORM_LATE, e->first, text, len, &e->late);
		if (ret)
			return ret;
		text = e->late.s;
		len = e->late.len;
	}
	e->first = false;
	return tok->kind->encode(tok, text, len, e->out);
}

static int encode_marked(struct encoder *e, bool normalized, const char *text, size_t len);

/* SentencePiece's unigram finds what users have added among the other tokens. */
static bool keeps_marks(const struct tokenizer *tok)
{
	return tok->method == METHOD_UNIGRAM && tok->normalizer && tok->normalizer->keep;
}

/* Text between the marks that are looked for before normalizing. */
static int encode_raw(struct encoder *e, const char *text, size_t len)
{
	int ret;

	if (normalizer_has(e->tok->normalizer, NORM_EARLY)) {
		ret = normalizer_run(e->tok->normalizer, NORM_EARLY, e->first, text, len,
				     &e->early);
		if (ret)
			return ret;
		text = e->early.s;
		len = e->early.len;
		ret = replace(e, true, &text, &len);
		if (ret)
			return ret;
	}
	return keeps_marks(e->tok) ? encode_plain(e, text, len) : encode_marked(e, true, text, len);
}

static int encode_between(struct encoder *e, bool normalized, const char *text, size_t len)
{
	if (!len)
		return 0;
	return normalized ? encode_plain(e, text, len) : encode_raw(e, text, len);
}

static int encode_marked(struct encoder *e, bool normalized, const char *text, size_t len)
{
	struct mark mark;
	size_t at = 0;
	int ret;

	while (at < len && marks_next(e->tok, normalized, e->opt->parse_special, text, len, at,
				      &mark)) {
		ret = encode_between(e, normalized, text + at, mark.begin - at);
		if (!ret)
			ret = token_list_add(e->out, mark.id);
		if (ret)
			return ret;
		e->first = false;
		at = mark.end;
	}
	return encode_between(e, normalized, text + at, len - at);
}

static int encode(struct encoder *e, const char *text, size_t len)
{
	const struct tokenizer *tok = e->tok;
	int ret = 0;

	if (e->opt->add_special && tok->add_bos)
		ret = token_list_add(e->out, tok->bos);
	if (!ret)
		ret = encode_marked(e, false, text, len);
	if (!ret && e->opt->add_special && tok->add_eos)
		ret = token_list_add(e->out, tok->eos);
	return ret;
}

int tokenizer_encode_with(struct tokenizer *tok, const char *text, size_t len,
			  const struct encode_options *options, struct token_list *out)
{
	struct encoder e = { .tok = tok, .opt = options, .out = out, .first = true };
	int ret;

	strbuf_init(&e.early);
	strbuf_init(&e.late);
	strbuf_init(&e.valid);
	ret = replace(&e, false, &text, &len);
	if (!ret)
		ret = encode(&e, text, len);
	strbuf_free(&e.early);
	strbuf_free(&e.late);
	strbuf_free(&e.valid);
	return ret;
}

int tokenizer_encode(struct tokenizer *tok, const char *text, size_t len,
		     struct token_list *out)
{
	static const struct encode_options plain;

	return tokenizer_encode_with(tok, text, len, &plain, out);
}

int tokenizer_text(const struct tokenizer *tok, const uint32_t *ids, size_t nr, bool specials,
		   struct strbuf *sb)
{
	bool first = tok->strip_space;

	for (size_t i = 0; i < nr; i++) {
		const char *bytes;
		size_t len;
		int ret = tokenizer_decode(tok, ids[i], &bytes, &len);

		if (ret)
			return ret;
		if (tok->special[ids[i]] && !specials)
			continue;
		if (first && !tok->special[ids[i]]) {
			if (len && *bytes == ' ') {
				bytes++;
				len--;
			}
			first = false;
		}
		strbuf_add(sb, bytes, len);
	}
	return strbuf_ok(sb);
}
