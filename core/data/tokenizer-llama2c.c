// SPDX-License-Identifier: MIT
/*
 * tokenizer.bin of llama2.c: the longest token's length, then for each token, until the end
 * of the file, a score (float), a length (32 bits) and the bytes.  It is a tokenizer.model
 * of SentencePiece, BPE with bytes, with spaces for U+2581 and fixed special ids.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "data/normalizer.h"
#include "data/token-source.h"

enum { ID_UNK, ID_BOS, ID_EOS, ID_BYTES };

static const struct tokenizer_kind llama2c;

struct entry {
	float score;
	const char *text;
	uint32_t len;
};

static uint32_t read_u32(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;

	return u[0] | u[1] << 8 | u[2] << 16 | (uint32_t)u[3] << 24;
}

static bool next_entry(const char *text, size_t len, size_t *at, struct entry *e)
{
	uint32_t bits;

	if (len - *at < 8)
		return false;
	bits = read_u32(text + *at);
	memcpy(&e->score, &bits, sizeof(e->score));
	e->len = read_u32(text + *at + 4);
	*at += 8;
	if (e->len > len - *at)
		return false;
	e->text = text + *at;
	*at += e->len;
	return true;
}

/* Tokens to the very end, or it is another file. */
static size_t count_entries(const char *text, size_t len)
{
	uint32_t longest;
	struct entry e;
	size_t at = 4, nr = 0;

	if (len < 4)
		return 0;
	longest = read_u32(text);
	while (at < len) {
		if (!next_entry(text, len, &at, &e) || e.len > longest)
			return 0;
		nr++;
	}
	return nr;
}

/* Spaces back to U+2581, in one buffer for all. */
static int read_entries(struct token_source *src, const char *text, size_t len, char *out)
{
	static const char *const special[] = { "<unk>", "<s>", "</s>" };
	size_t at = 4;

	for (uint32_t id = 0; id < src->vocab; id++) {
		struct entry e;
		uint32_t n = 0;
		int ret;

		next_entry(text, len, &at, &e);
		for (uint32_t i = 0; i < e.len; i++) {
			size_t step = e.text[i] == ' ' ? strlen(SPACE_SYMBOL) : 1;

			memcpy(out + n, e.text[i] == ' ' ? SPACE_SYMBOL : e.text + i, step);
			n += step;
		}
		if (id < ID_BYTES)
			ret = token_source_put(src, id, special[id], strlen(special[id]));
		else
			ret = token_source_put(src, id, out, n);
		if (ret)
			return ret;
		src->tokens[id].score = e.score;
		if (id < ID_BYTES)
			src->tokens[id].type = id == ID_UNK ? TOKEN_UNKNOWN : TOKEN_CONTROL;
		else if (id < ID_BYTES + 256 && n == 6 && !memcmp(out, "<0x", 3))
			src->tokens[id].type = TOKEN_BYTE;
		out += n;
	}
	return 0;
}

static int make(struct token_source *src, const char *text, size_t len, char *out,
		struct tokenizer **tok)
{
	int ret = read_entries(src, text, len, out);

	if (ret)
		return ret;
	src->method = METHOD_SCORE_BPE;
	src->byte_fallback = src->fuse_unk = src->strip_space = true;
	src->unk = ID_UNK;
	src->bos = ID_BOS;
	src->eos = ID_EOS;
	src->add_bos = true;
	ret = normalizer_add(src->path, &src->normalizer, &(struct norm_step){
		.kind = NORM_PREPEND, .to = SPACE_SYMBOL, .to_len = strlen(SPACE_SYMBOL) });
	if (!ret)
		ret = normalizer_add(src->path, &src->normalizer, &(struct norm_step){
			.kind = NORM_REPLACE, .from = " ", .from_len = 1, .to = SPACE_SYMBOL,
			.to_len = strlen(SPACE_SYMBOL) });
	return ret ? ret : token_source_make(&llama2c, src, tok);
}

static int llama2c_parse(const char *path, const char *text, size_t len, struct tokenizer **tok)
{
	struct token_source src = { .path = path, .merges_path = path };
	size_t nr = count_entries(text, len);
	char *out;
	int ret;

	if (nr <= ID_BYTES)
		return 1;
	ret = token_source_alloc(&src, nr, 0);
	if (ret)
		return ret;
	out = malloc(3 * len);
	ret = out ? make(&src, text, len, out, tok) : fail_nomem(3 * len, "a vocabulary");
	free(out);
	token_source_free(&src);
	return ret;
}

static int llama2c_open(const char *arg, struct tokenizer **tok)
{
	size_t len;
	char *text;
	int ret;

	if (!arg || !*arg)
		return fail(-EINVAL, "tokenizer 'llama2c': name the tokenizer.bin");
	ret = file_read_all(arg, TOKENIZER_BYTES_MAX, &text, &len);
	if (ret)
		return ret;
	ret = llama2c_parse(arg, text, len, tok);
	free(text);
	return ret > 0 ? fail(-EINVAL, "%s: damaged, or no tokenizer.bin of llama2.c", arg) : ret;
}

static const struct tokenizer_kind llama2c = {
	.name = "llama2c",
	.help = "FILE: a tokenizer.bin of llama2.c",
	.open = llama2c_open,
	.parse = llama2c_parse,
	.rank = 5,
	.suffix = ".bin",
	.encode = tokenizer_run,
	.release = tokenizer_release,
};
TOKENIZER_REGISTER(llama2c);
