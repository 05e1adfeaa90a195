// SPDX-License-Identifier: MIT
#include "data/bpe.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/bpe-private.h"
#include "data/bytelevel.h"

int bpe_source_alloc(struct bpe_source *src, size_t vocab, size_t nr_merges)
{
	if (vocab > BPE_VOCAB_MAX || nr_merges > BPE_VOCAB_MAX)
		return fail(-EFBIG, "%s: %zu tokens and %zu merges, more than the limit of %u",
			    src->path, vocab, nr_merges, BPE_VOCAB_MAX);
	src->tokens = calloc(vocab + 1, sizeof(*src->tokens));
	src->special = calloc(vocab + 1, sizeof(*src->special));
	src->merges = calloc(nr_merges + 1, sizeof(*src->merges));
	if (!src->tokens || !src->special || !src->merges) {
		bpe_source_free(src);
		return fail_nomem(vocab * sizeof(*src->tokens), "a vocabulary");
	}
	src->vocab = vocab;
	src->nr_merges = nr_merges;
	return 0;
}

void bpe_source_free(struct bpe_source *src)
{
	free(src->tokens);
	free(src->special);
	free(src->merges);
	src->tokens = NULL;
	src->special = NULL;
	src->merges = NULL;
}

int bpe_put(struct bpe_source *src, long long id, const char *text)
{
	if (id < 0 || id >= src->vocab)
		return fail(-EINVAL, "%s: token '%s': id %lld is not below the number of tokens, "
			    "%u", src->path, text, id, src->vocab);
	if (src->tokens[id] && strcmp(src->tokens[id], text))
		return fail(-EINVAL, "%s: tokens '%s' and '%s' have the same id %lld", src->path,
			    src->tokens[id], text, id);
	src->tokens[id] = text;
	return 0;
}

static uint32_t table_size(uint32_t entries)
{
	uint32_t size = 16;

	while (size < 2 * entries)	/* BPE_VOCAB_MAX keeps this far from overflow */
		size *= 2;
	return size;
}

uint32_t bpe_find(const struct bpe *bpe, const char *bytes, size_t len)
{
	const struct tokenizer *tok = &bpe->tok;
	uint32_t slot = bpe_hash(bytes, len) & bpe->text_mask;

	for (; bpe->by_text[slot] != NO_TOKEN; slot = (slot + 1) & bpe->text_mask) {
		uint32_t id = bpe->by_text[slot];

		if (tok->start[id + 1] - tok->start[id] == len &&
		    !memcmp(tok->bytes + tok->start[id], bytes, len))
			return id;
	}
	return NO_TOKEN;
}

static int add_text(struct bpe *bpe, const char *path, uint32_t id)
{
	const struct tokenizer *tok = &bpe->tok;
	const char *bytes = tok->bytes + tok->start[id];
	size_t len = tok->start[id + 1] - tok->start[id];
	uint32_t slot = bpe_hash(bytes, len) & bpe->text_mask;
	uint32_t twin = bpe_find(bpe, bytes, len);

	if (twin != NO_TOKEN)
		return fail(-EINVAL, "%s: tokens %u and %u are the same text", path, twin, id);
	while (bpe->by_text[slot] != NO_TOKEN)
		slot = (slot + 1) & bpe->text_mask;
	bpe->by_text[slot] = id;
	if (len == 1)
		bpe->of_byte[(unsigned char)bytes[0]] = id;
	return 0;
}

/* Special tokens are left out: no text and no merge leads to them. */
static int index_texts(struct bpe *bpe, const char *path)
{
	uint32_t size = table_size(bpe->tok.vocab);

	bpe->by_text = malloc(size * sizeof(*bpe->by_text));
	if (!bpe->by_text)
		return fail_nomem(size * sizeof(*bpe->by_text), "a vocabulary");
	bpe->text_mask = size - 1;
	memset(bpe->by_text, 0xff, size * sizeof(*bpe->by_text));
	memset(bpe->of_byte, 0xff, sizeof(bpe->of_byte));
	for (uint32_t id = 0; id < bpe->tok.vocab; id++) {
		int ret = bpe->tok.special[id] ? 0 : add_text(bpe, path, id);

		if (ret)
			return ret;
	}
	for (int i = 0; i < 256; i++)
		if (bpe->of_byte[i] == NO_TOKEN)
			return fail(-EINVAL, "%s: byte 0x%02x has no token: text with it could "
				    "not be encoded", path, i);
	return 0;
}

static int read_token(const struct bpe_source *src, uint32_t id, char *out,
		      struct token_text *token)
{
	const char *text = src->tokens[id];
	size_t len = text ? strlen(text) : 0;
	long n;

	if (!text)
		return fail(-EINVAL, "%s: no token has id %u", src->path, id);
	if (!len)
		return fail(-EINVAL, "%s: token %u is empty", src->path, id);
	n = src->special[id] ? -1 : bytelevel_read(text, len, out);
	if (n < 0 && !src->special[id])
		return fail(-EINVAL, "%s: token %u, '%s': not in the byte-level alphabet",
			    src->path, id, text);
	*token = (struct token_text){
		.bytes = src->special[id] ? text : out,
		.len = src->special[id] ? len : (size_t)n,
		.special = src->special[id],
	};
	return 0;
}

static int read_tokens(const struct bpe_source *src, struct tokenizer *tok)
{
	struct token_text *tokens = calloc(src->vocab + 1, sizeof(*tokens));
	size_t total = 1, at = 0;
	char *bytes;
	int ret = 0;

	for (uint32_t id = 0; id < src->vocab; id++)
		total += src->tokens[id] ? strlen(src->tokens[id]) : 0;
	bytes = malloc(total);
	if (!tokens || !bytes || total > UINT32_MAX) {
		ret = fail_nomem(total, "a vocabulary");
		goto out;
	}
	for (uint32_t id = 0; id < src->vocab && !ret; id++) {
		ret = read_token(src, id, bytes + at, &tokens[id]);
		if (!ret)
			at += tokens[id].len;
	}
	if (!ret)
		ret = tokenizer_set_tokens(tok, tokens, src->vocab);
out:
	free(bytes);
	free(tokens);
	return ret;
}

static int find_eot(const struct bpe_source *src, struct tokenizer *tok)
{
	static const char *const names[] = {
		TOKENIZER_EOT, "<|end_of_text|>", "</s>", "<eos>",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (uint32_t id = src->vocab; id-- > 0;)
			if (src->special[id] && !strcmp(src->tokens[id], names[i])) {
				tok->eot = id;
				return 0;
			}
	return fail(-EINVAL, "%s: no token ends a text (one of %s %s %s %s)", src->path, names[0],
		    names[1], names[2], names[3]);
}

static struct rank_slot *rank_slot(const struct bpe *bpe, uint64_t pair)
{
	uint64_t h = pair * 0x9e3779b97f4a7c15u;
	uint32_t slot = (h ^ h >> 32) & bpe->rank_mask;

	while (bpe->ranks[slot].rank != NO_TOKEN && bpe->ranks[slot].pair != pair)
		slot = (slot + 1) & bpe->rank_mask;
	return &bpe->ranks[slot];
}

uint32_t bpe_rank(const struct bpe *bpe, uint32_t left, uint32_t right)
{
	return rank_slot(bpe, (uint64_t)left << 32 | right)->rank;
}

static int find_part(const struct bpe *bpe, const struct bpe_source *src, uint32_t rank,
		     const char *text, size_t len, char *bytes, uint32_t *id)
{
	long n = bytelevel_read(text, len, bytes);

	*id = n > 0 ? bpe_find(bpe, bytes, n) : NO_TOKEN;
	if (*id == NO_TOKEN)
		return fail(-EINVAL, "%s: merge %u: '%.*s' is not in the vocabulary",
			    src->merges_path, rank, (int)(len < 80 ? len : 80), text);
	return 0;
}

static int add_merge(struct bpe *bpe, const struct bpe_source *src, uint32_t rank, char *bytes)
{
	const struct bpe_pair *p = &src->merges[rank];
	struct token_merge *m = &bpe->tok.merges[rank];
	struct rank_slot *slot;
	size_t len;
	int ret;

	ret = find_part(bpe, src, rank, p->left, p->left_len, bytes, &m->left);
	if (!ret)
		ret = find_part(bpe, src, rank, p->right, p->right_len, bytes, &m->right);
	if (ret)
		return ret;
	len = p->left_len + p->right_len;
	memmove(bytes + len, p->left, p->left_len);
	memcpy(bytes + len + p->left_len, p->right, p->right_len);
	ret = find_part(bpe, src, rank, bytes + len, len, bytes, &m->result);
	if (ret)
		return ret;
	slot = rank_slot(bpe, (uint64_t)m->left << 32 | m->right);
	if (slot->rank != NO_TOKEN)
		return fail(-EINVAL, "%s: merges %u and %u are the same pair", src->merges_path,
			    slot->rank, rank);
	*slot = (struct rank_slot){ .pair = (uint64_t)m->left << 32 | m->right, .rank = rank };
	return 0;
}

static int read_merges(const struct bpe_source *src, struct bpe *bpe)
{
	uint32_t size = table_size(src->nr_merges);
	size_t longest = 0;
	char *bytes;
	int ret = 0;

	for (uint32_t i = 0; i < src->nr_merges; i++)
		if (src->merges[i].left_len + src->merges[i].right_len > longest)
			longest = src->merges[i].left_len + src->merges[i].right_len;
	bytes = malloc(2 * longest + 1);
	bpe->ranks = malloc(size * sizeof(*bpe->ranks));
	bpe->tok.merges = calloc(src->nr_merges + 1, sizeof(*bpe->tok.merges));
	if (!bytes || !bpe->ranks || !bpe->tok.merges) {
		ret = fail_nomem(size * sizeof(*bpe->ranks), "merges");
		goto out;
	}
	bpe->rank_mask = size - 1;
	memset(bpe->ranks, 0xff, size * sizeof(*bpe->ranks));
	for (uint32_t rank = 0; rank < src->nr_merges && !ret; rank++)
		ret = add_merge(bpe, src, rank, bytes);
	bpe->tok.nr_merges = src->nr_merges;
out:
	free(bytes);
	return ret;
}

static int build(const struct bpe_source *src, struct bpe *bpe)
{
	int ret;

	bpe->cache = calloc(WORD_SLOTS, sizeof(*bpe->cache));
	if (!bpe->cache)
		return fail_nomem(WORD_SLOTS * sizeof(*bpe->cache), "a cache of words");
	if (src->pattern) {
		bpe->pattern = strdup(src->pattern);
		if (!bpe->pattern)
			return fail_nomem(strlen(src->pattern), "a pattern");
	}
	bpe->tok.pattern = bpe->pattern;
	bpe->tok.ignore_merges = src->ignore_merges;
	ret = read_tokens(src, &bpe->tok);
	if (!ret)
		ret = find_eot(src, &bpe->tok);
	if (!ret)
		ret = index_texts(bpe, src->path);
	if (!ret)
		ret = read_merges(src, bpe);
	if (!ret)
		ret = words_new(src->path, src->pattern, &bpe->words);
	return ret ? ret : tokenizer_seal(&bpe->tok);
}

int bpe_new(const struct tokenizer_kind *kind, const struct bpe_source *src,
	    struct tokenizer **tok)
{
	struct bpe *bpe = calloc(1, sizeof(*bpe));
	int ret;

	if (!bpe)
		return fail_nomem(sizeof(*bpe), "a tokenizer");
	bpe->tok.kind = kind;
	ret = build(src, bpe);
	if (ret) {
		tokenizer_free(&bpe->tok);
		return ret;
	}
	*tok = &bpe->tok;
	return 0;
}

void bpe_release(struct tokenizer *tok)
{
	struct bpe *bpe = (struct bpe *)tok;

	words_free(bpe->words);
	free(bpe->ranks);
	free(bpe->by_text);
	free(bpe->cache);
	free(bpe->pattern);
	free(bpe->symbols);
	free(bpe->heap);
	free(bpe);
}
