// SPDX-License-Identifier: MIT
#include "data/bpe.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/bpe-private.h"
#include "data/bytelevel.h"
#include "data/token-source.h"

static uint32_t table_size(uint32_t entries)
{
	uint32_t size = 16;

	while (size < 2 * entries)	/* TOKENS_MAX keeps this far from overflow */
		size *= 2;
	return size;
}

static const char *key(const struct bpe *bpe, uint32_t id, size_t *len)
{
	*len = bpe->key_start[id + 1] - bpe->key_start[id];
	return bpe->key + bpe->key_start[id];
}

uint32_t bpe_find(const struct bpe *bpe, const char *bytes, size_t len)
{
	uint32_t slot = word_hash(bytes, len) & bpe->text_mask;

	for (; bpe->by_text[slot] != NO_TOKEN; slot = (slot + 1) & bpe->text_mask) {
		size_t n;
		const char *text = key(bpe, bpe->by_text[slot], &n);

		if (n == len && !memcmp(text, bytes, len))
			return bpe->by_text[slot];
	}
	return NO_TOKEN;
}

static int add_text(struct bpe *bpe, const char *path, uint32_t id)
{
	size_t len;
	const char *text = key(bpe, id, &len);
	uint32_t slot = word_hash(text, len) & bpe->text_mask;
	uint32_t twin = bpe_find(bpe, text, len);

	if (twin != NO_TOKEN)
		return fail(-EINVAL, "%s: tokens %u and %u are the same text", path, twin, id);
	while (bpe->by_text[slot] != NO_TOKEN)
		slot = (slot + 1) & bpe->text_mask;
	bpe->by_text[slot] = id;
	if (len > bpe->longest)
		bpe->longest = len;
	if (len == 1 && bpe->tok.method == METHOD_BYTE_BPE)
		bpe->of_byte[(unsigned char)*text] = id;
	return 0;
}

/* Is it spelled in the byte-level alphabet as it is? */
static bool is_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= 0x20 || text[i] >= 0x7f)
			return false;
	return true;
}

/* Special tokens are left out: no text and no merge leads to them.  So are bytes in text. */
static bool is_text(const struct tokenizer *tok, uint32_t id)
{
	if (tok->type[id] == TOKEN_USER_DEFINED && tok->method == METHOD_BYTE_BPE)
		return is_plain(tok->bytes + tok->start[id],
				tok->start[id + 1] - tok->start[id]);
	return tok->type[id] == TOKEN_NORMAL || tok->type[id] == TOKEN_UNUSED ||
	       tok->type[id] == TOKEN_USER_DEFINED;
}

/* Bytes of characters without a token. */
static int index_bytes(struct bpe *bpe, const char *path)
{
	const struct tokenizer *tok = &bpe->tok;

	for (uint32_t id = 0; id < tok->vocab; id++) {
		unsigned char byte = tok->bytes[tok->start[id]];

		if (tok->type[id] != TOKEN_BYTE)
			continue;
		if (tok->method == METHOD_BYTE_BPE)
			return fail(-EINVAL, "%s: token %u is a byte, in a tokenizer over bytes",
				    path, id);
		if (bpe->of_byte[byte] != NO_TOKEN)
			return fail(-EINVAL, "%s: tokens %u and %u are the same byte", path,
				    bpe->of_byte[byte], id);
		bpe->of_byte[byte] = id;
	}
	return 0;
}

/* Some tokenizers lack rare bytes, which are then left out; one without letters is damaged. */
static int check_bytes(const struct bpe *bpe, const char *path)
{
	for (int byte = 0x20; byte < 0x7f && bpe->tok.method == METHOD_BYTE_BPE; byte++)
		if (bpe->of_byte[byte] == NO_TOKEN)
			return fail(-EINVAL, "%s: byte 0x%02x has no token: text with it could not "
				    "be encoded", path, byte);
	return 0;
}

static int index_texts(struct bpe *bpe, const char *path)
{
	const struct tokenizer *tok = &bpe->tok;
	uint32_t size = table_size(tok->vocab);
	int ret = 0;

	bpe->key = tok->method == METHOD_BYTE_BPE ? tok->bytes : tok->spelled;
	bpe->key_start = tok->method == METHOD_BYTE_BPE ? tok->start : tok->spelled_start;
	bpe->by_text = malloc(size * sizeof(*bpe->by_text));
	if (!bpe->by_text)
		return fail_nomem(size * sizeof(*bpe->by_text), "a vocabulary");
	bpe->text_mask = size - 1;
	memset(bpe->by_text, 0xff, size * sizeof(*bpe->by_text));
	memset(bpe->of_byte, 0xff, sizeof(bpe->of_byte));
	for (uint32_t id = 0; id < tok->vocab && !ret; id++)
		ret = is_text(tok, id) ? add_text(bpe, path, id) : 0;
	if (!ret && tok->method == METHOD_SCORE_BPE)
		for (uint32_t id = 0; id < tok->vocab; id++)
			if (is_text(tok, id))
				pieces_learn(&bpe->pieces, bpe->key + bpe->key_start[id],
					       bpe->key_start[id + 1] - bpe->key_start[id]);
	if (!ret)
		ret = index_bytes(bpe, path);
	return ret ? ret : check_bytes(bpe, path);
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

static int find_part(const struct bpe *bpe, const struct token_source *src, uint32_t rank,
		     const char *text, size_t len, char *bytes, uint32_t *id)
{
	if (src->method == METHOD_BYTE_BPE) {
		long n = bytelevel_read(text, len, bytes);

		*id = n > 0 ? bpe_find(bpe, bytes, n) : NO_TOKEN;
	} else {
		*id = bpe_find(bpe, text, len);
	}
	if (*id == NO_TOKEN)
		return fail(-EINVAL, "%s: merge %u: '%.*s' is not in the vocabulary",
			    src->merges_path, rank, (int)(len < 80 ? len : 80), text);
	return 0;
}

static int add_merge(struct bpe *bpe, const struct token_source *src, uint32_t rank, char *bytes)
{
	const struct token_pair *p = &src->merges[rank];
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
	if (src->method == METHOD_TEXT_BPE)
		pieces_learn(&bpe->pieces, bpe->key + bpe->key_start[m->result],
			       bpe->key_start[m->result + 1] - bpe->key_start[m->result]);
	slot = rank_slot(bpe, (uint64_t)m->left << 32 | m->right);
	if (slot->rank != NO_TOKEN)
		return fail(-EINVAL, "%s: merges %u and %u are the same pair", src->merges_path,
			    slot->rank, rank);
	*slot = (struct rank_slot){ .pair = (uint64_t)m->left << 32 | m->right, .rank = rank };
	return 0;
}

static int read_merges(const struct token_source *src, struct bpe *bpe)
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

static int build(const struct token_source *src, struct bpe *bpe)
{
	int ret;

	bpe->pieces = (struct pieces){
		.encode = bpe_text_piece, .ctx = bpe,
		.unk = src->fuse_unk ? src->unk : TOKEN_NONE,
	};
	ret = pieces_init(&bpe->pieces);
	if (!ret)
		ret = token_source_fill(src, &bpe->tok);
	if (!ret)
		ret = index_texts(bpe, src->path);
	if (!ret)
		ret = read_merges(src, bpe);
	if (!ret)
		ret = words_new(src->path, src->splits, src->nr_splits, &bpe->words);
	return ret;
}

int bpe_new(const struct tokenizer_kind *kind, const struct token_source *src,
	    struct tokenizer **tok)
{
	struct bpe *bpe = calloc(1, sizeof(*bpe));
	int ret;

	if (!bpe)
		return fail_nomem(sizeof(*bpe), "a tokenizer");
	bpe->tok.kind = kind;
	ret = build(src, bpe);
	if (ret) {
		bpe->tok.method = src->method;
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
	pieces_free(&bpe->pieces);
	free(bpe->symbols);
	free(bpe->heap);
	free(bpe);
}
