// SPDX-License-Identifier: MIT
#include "data/token-source.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/bpe.h"
#include "data/bytelevel.h"
#include "data/marks.h"
#include "data/normalizer.h"
#include "data/unigram.h"
#include "data/utf8.h"

int token_source_alloc(struct token_source *src, size_t vocab, size_t nr_merges)
{
	if (vocab > TOKENS_MAX || nr_merges > TOKENS_MAX)
		return fail(-EFBIG, "%s: %zu tokens and %zu merges, more than the limit of %u",
			    src->path, vocab, nr_merges, TOKENS_MAX);
	src->tokens = calloc(vocab + 1, sizeof(*src->tokens));
	src->merges = calloc(nr_merges + 1, sizeof(*src->merges));
	if (!src->tokens || !src->merges) {
		token_source_free(src);
		return fail_nomem(vocab * sizeof(*src->tokens), "a vocabulary");
	}
	src->vocab = vocab;
	src->nr_merges = nr_merges;
	src->eot = src->bos = src->eos = src->unk = src->pad = TOKEN_NONE;
	return 0;
}

void token_source_free(struct token_source *src)
{
	free(src->tokens);
	free(src->merges);
	normalizer_free(src->normalizer);
	src->tokens = NULL;
	src->merges = NULL;
	src->normalizer = NULL;
}

int token_source_put(struct token_source *src, long long id, const char *text, size_t len)
{
	struct token_def *t;

	if (id < 0 || id >= src->vocab)
		return fail(-EINVAL, "%s: token '%.*s': id %lld is not below the number of tokens, "
			    "%u", src->path, (int)(len < 80 ? len : 80), text, id, src->vocab);
	t = &src->tokens[id];
	if (t->text && (t->len != len || memcmp(t->text, text, len)))
		return fail(-EINVAL, "%s: tokens '%.80s' and '%.80s' have the same id %lld",
			    src->path, t->text, text, id);
	if (len > TOKENIZER_BYTES_MAX)
		return fail(-EFBIG, "%s: token %lld is too long", src->path, id);
	t->text = text;
	t->len = len;
	if (!t->type)
		t->type = TOKEN_NORMAL;
	return 0;
}

int token_source_split(struct token_source *src, const char *pattern)
{
	if (src->nr_splits == TOKEN_SPLITS_MAX)
		return fail(-ENOTSUP, "%s: more than %d patterns cut the text", src->path,
			    TOKEN_SPLITS_MAX);
	src->splits[src->nr_splits++] = pattern;
	return 0;
}

static bool is_special(const struct token_def *t)
{
	return t->type == TOKEN_CONTROL || t->type == TOKEN_UNKNOWN;
}

/* "<0x41>" */
static bool read_byte(const struct token_def *t, char *byte)
{
	char hex[3] = { 0 };

	if (t->len != 6 || memcmp(t->text, "<0x", 3) || t->text[5] != '>' ||
	    !isxdigit((unsigned char)t->text[3]) || !isxdigit((unsigned char)t->text[4]))
		return false;
	memcpy(hex, t->text + 3, 2);
	*byte = strtol(hex, NULL, 16);
	return true;
}

/* U+2581 back to spaces. */
static uint32_t unescape(const char *text, uint32_t len, char *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < len; n++) {
		bool space = len - i >= 3 && !memcmp(text + i, SPACE_SYMBOL, 3);

		out[n] = space ? ' ' : text[i];
		i += space ? 3 : 1;
	}
	return n;
}

static int token_bytes(const struct token_source *src, uint32_t id, char *out,
		       struct token_text *token)
{
	const struct token_def *t = &src->tokens[id];
	bool byte_level = src->method == METHOD_BYTE_BPE;
	long n = t->len;

	if (!t->text)
		return fail(-EINVAL, "%s: no token has id %u", src->path, id);
	if (!t->len)
		return fail(-EINVAL, "%s: token %u is empty", src->path, id);
	if (utf8_valid(t->text, t->len) != t->len)
		return fail(-EINVAL, "%s: token %u is no UTF-8", src->path, id);
	if (is_special(t) || (t->type == TOKEN_USER_DEFINED && (byte_level || src->raw_added)))
		memcpy(out, t->text, t->len);
	else if (byte_level)
		n = bytelevel_read(t->text, t->len, out);
	else if (t->type != TOKEN_BYTE)
		n = unescape(t->text, t->len, out);
	else
		n = read_byte(t, out) ? 1 : -1;
	if (n < 0 && byte_level)
		return fail(-EINVAL, "%s: token %u, '%.*s': not in the byte-level alphabet",
			    src->path, id, (int)t->len, t->text);
	if (n < 0)
		return fail(-EINVAL, "%s: token %u, '%.*s': a byte is spelled like <0x41>",
			    src->path, id, (int)t->len, t->text);
	*token = (struct token_text){ .bytes = out, .len = n, .special = is_special(t) };
	return 0;
}

static int fill_spelled(const struct token_source *src, struct tokenizer *tok, size_t total)
{
	size_t at = 0;

	tok->spelled = malloc(total);
	tok->spelled_start = malloc((src->vocab + 1) * sizeof(*tok->spelled_start));
	if (!tok->spelled || !tok->spelled_start)
		return fail_nomem(total, "a vocabulary");
	for (uint32_t id = 0; id < src->vocab; id++) {
		tok->spelled_start[id] = at;
		memcpy(tok->spelled + at, src->tokens[id].text, src->tokens[id].len);
		at += src->tokens[id].len;
	}
	tok->spelled_start[src->vocab] = at;
	return 0;
}

static int fill_scores(const struct token_source *src, struct tokenizer *tok)
{
	if (src->method != METHOD_SCORE_BPE && src->method != METHOD_UNIGRAM)
		return 0;
	tok->scores = malloc((src->vocab + 1) * sizeof(*tok->scores));
	if (!tok->scores)
		return fail_nomem(src->vocab * sizeof(*tok->scores), "scores");
	for (uint32_t id = 0; id < src->vocab; id++) {
		float score = src->tokens[id].score;

		if (!(score > -1e30f && score < 1e30f))
			return fail(-EINVAL, "%s: the score of token %u is no number, or too big",
				    src->path, id);
		tok->scores[id] = score + 0.0f;		/* no -0 */
	}
	return 0;
}

static int fill_tokens(const struct token_source *src, struct tokenizer *tok)
{
	struct token_text *tokens = calloc(src->vocab + 1, sizeof(*tokens));
	size_t total = 1, at = 0;
	char *bytes;
	int ret = 0;

	for (uint32_t id = 0; id < src->vocab; id++)
		total += src->tokens[id].len;
	bytes = malloc(total);
	if (!tokens || !bytes || total > UINT32_MAX) {
		ret = fail_nomem(total, "a vocabulary");
		goto out;
	}
	for (uint32_t id = 0; id < src->vocab && !ret; id++) {
		ret = token_bytes(src, id, bytes + at, &tokens[id]);
		if (!ret)
			at += tokens[id].len;
	}
	if (!ret)
		ret = tokenizer_set_tokens(tok, tokens, src->vocab);
	if (!ret && src->method != METHOD_BYTE_BPE)
		ret = fill_spelled(src, tok, total);
	for (uint32_t id = 0; id < src->vocab && !ret; id++) {
		tok->type[id] = src->tokens[id].type;
		tok->flags[id] = src->tokens[id].flags;
	}
	if (!ret)
		ret = fill_scores(src, tok);
out:
	free(bytes);
	free(tokens);
	return ret;
}

static int find_eot(const struct token_source *src, struct tokenizer *tok)
{
	static const char *const names[] = {
		TOKENIZER_EOT, "<|end_of_text|>", "</s>", "<eos>",
	};

	tok->eot = src->eot;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && tok->eot == TOKEN_NONE; i++)
		for (uint32_t id = src->vocab; id-- > 0 && tok->eot == TOKEN_NONE;)
			if (is_special(&src->tokens[id]) &&
			    src->tokens[id].len == strlen(names[i]) &&
			    !memcmp(src->tokens[id].text, names[i], src->tokens[id].len))
				tok->eot = id;
	if (tok->eot == TOKEN_NONE)
		tok->eot = src->eos;
	if (tok->eot == TOKEN_NONE)
		return fail(-EINVAL, "%s: no token ends a text (one of %s %s %s %s)", src->path,
			    names[0], names[1], names[2], names[3]);
	return 0;
}

static int check_id(const struct token_source *src, const char *what, uint32_t id)
{
	if (id != TOKEN_NONE && id >= src->vocab)
		return fail(-EINVAL, "%s: the %s token %u is not below the number of tokens, %u",
			    src->path, what, id, src->vocab);
	return 0;
}

static int fill_ids(const struct token_source *src, struct tokenizer *tok)
{
	int ret = check_id(src, "BOS", src->bos);

	if (!ret)
		ret = check_id(src, "EOS", src->eos);
	if (!ret)
		ret = check_id(src, "unknown", src->unk);
	if (!ret)
		ret = check_id(src, "padding", src->pad);
	if (!ret)
		ret = check_id(src, "end of text", src->eot);
	if (!ret)
		ret = find_eot(src, tok);
	tok->bos = src->bos;
	tok->eos = src->eos != TOKEN_NONE ? src->eos : tok->eot;
	tok->unk = src->unk;
	tok->pad = src->pad;
	tok->add_bos = src->add_bos && src->bos != TOKEN_NONE;
	tok->add_eos = src->add_eos && tok->eos != TOKEN_NONE;
	return ret;
}

int token_source_fill(const struct token_source *src, struct tokenizer *tok)
{
	int ret = 0;

	tok->method = src->method;
	tok->ignore_merges = src->ignore_merges;
	tok->byte_fallback = src->byte_fallback;
	tok->fuse_unk = src->fuse_unk;
	tok->strip_space = src->strip_space;
	tok->raw_added = src->raw_added;
	tok->single = src->single;
	for (int i = 0; i < src->nr_splits; i++) {
		tok->splits[i] = strdup(src->splits[i]);
		if (!tok->splits[i])
			return fail_nomem(strlen(src->splits[i]), "a pattern");
		tok->nr_splits = i + 1;
	}
	ret = fill_tokens(src, tok);
	return ret ? ret : fill_ids(src, tok);
}

int token_source_make(const struct tokenizer_kind *kind, struct token_source *src,
		      struct tokenizer **out)
{
	struct tokenizer *tok;
	int ret;

	if (src->method == METHOD_UNIGRAM)
		ret = unigram_new(kind, src, &tok);
	else
		ret = bpe_new(kind, src, &tok);
	if (ret)
		return ret;
	tok->normalizer = src->normalizer;
	src->normalizer = NULL;
	ret = marks_new(tok);
	if (!ret && tok->normalizer && normalizer_find(tok->normalizer, NORM_SPACES))
		tok->normalizer->keep = tok;
	if (!ret)
		ret = tokenizer_seal(tok);
	if (ret)
		tokenizer_free(tok);
	else
		*out = tok;
	return ret;
}

int tokenizer_run(struct tokenizer *tok, const char *text, size_t len, struct token_list *out)
{
	if (tok->method == METHOD_UNIGRAM)
		return unigram_encode(tok, text, len, out);
	if (tok->method == METHOD_BYTE_BPE)
		return bpe_encode(tok, text, len, out);
	return bpe_text_encode(tok, text, len, out);
}

void tokenizer_release(struct tokenizer *tok)
{
	if (tok->method == METHOD_UNIGRAM)
		unigram_release(tok);
	else
		bpe_release(tok);
}
