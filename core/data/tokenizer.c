// SPDX-License-Identifier: MIT
#include "data/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/registry.h"
#include "data/bytelevel.h"

/* Hash of OpenAI's GPT-2 tokenizer; tests/unit/test-tokenizer.c has it from the files. */
#define GPT2_HASH	"b5de97b7e35a465d51060e3ed1b0e7d1"

static struct registry kinds = REGISTRY_INIT("tokenizer", knlp_tokenizers);

int token_list_reserve(struct token_list *list, size_t extra)
{
	size_t cap = list->cap ? list->cap : 256;
	uint32_t *ids;

	if (list->cap - list->nr >= extra)
		return 0;
	if (extra > SIZE_MAX / sizeof(*ids) / 4 - list->nr)
		return fail_nomem(SIZE_MAX, "tokens");
	while (cap - list->nr < extra)
		cap *= 2;
	ids = realloc(list->ids, cap * sizeof(*ids));
	if (!ids)
		return fail_nomem(cap * sizeof(*ids), "tokens");
	list->ids = ids;
	list->cap = cap;
	return 0;
}

int token_list_add(struct token_list *list, uint32_t id)
{
	int ret = token_list_reserve(list, 1);

	if (!ret)
		list->ids[list->nr++] = id;
	return ret;
}

void token_list_free(struct token_list *list)
{
	free(list->ids);
	*list = (struct token_list){ 0 };
}

/* The kind whose turn it is: parsers are tried by rank, so that the strict one is first. */
static const struct tokenizer_kind *next_parser(int above)
{
	const struct tokenizer_kind *kind, *best = NULL;

	registry_for_each(&kinds, kind)
		if (kind->parse && kind->rank > above && (!best || kind->rank < best->rank))
			best = kind;
	return best;
}

static int parse_text(const char *path, const char *text, size_t len, struct tokenizer **tok)
{
	const struct tokenizer_kind *kind = next_parser(-1);

	for (; kind; kind = next_parser(kind->rank)) {
		int ret = kind->parse(path, text, len, tok);

		if (ret <= 0)
			return ret;
	}
	return fail(-EINVAL, "%s: no tokenizer of this program reads it (a BPE tokenizer "
		    "needs a build with CONFIG_TOKENIZER_BPE)", path);
}

static int open_file(const char *path, struct tokenizer **tok)
{
	size_t len;
	char *text;
	int ret;

	ret = registry_sort(&kinds, 1);
	if (ret)
		return ret;
	ret = file_read_all(path, TOKENIZER_BYTES_MAX, &text, &len);
	if (ret)
		return ret;
	ret = parse_text(path, text, len, tok);
	if (ret)
		goto out_text;
	(*tok)->json = text;
	(*tok)->json_len = len;
	return 0;
out_text:
	free(text);
	return ret;
}

int tokenizer_load(const char *dir, struct tokenizer **tok)
{
	char *path = str_printf("%s/%s", dir, TOKENIZER_FILE);
	int ret;

	if (!path)
		return fail_nomem(strlen(dir), "a path");
	ret = open_file(path, tok);
	free(path);
	return ret;
}

static bool dir_has(const char *dir, const char *name)
{
	char *path = path_join(dir, name);
	bool has = path && file_exists(path);

	free(path);
	return has;
}

/* What else people have: OpenAI's files without their prefix, and SentencePiece. */
static int open_path(const char *spec, bool is_dir, struct tokenizer **tok)
{
	size_t len = strlen(spec);

	if (is_dir && !dir_has(spec, TOKENIZER_FILE)) {
		if (dir_has(spec, "vocab.bpe"))
			return fail(-EINVAL, "tokenizer '%s': it holds OpenAI's vocab.bpe: say "
				    "gpt2:%s", spec, spec);
		if (dir_has(spec, "tokenizer.model"))
			return fail(-ENOTSUP, "tokenizer '%s': tokenizer.model is of "
				    "SentencePiece, which is not supported yet", spec);
		return fail(-ENOENT, "tokenizer '%s': the folder holds no %s", spec,
			    TOKENIZER_FILE);
	}
	if (len > 6 && !strcmp(spec + len - 6, ".model"))
		return fail(-ENOTSUP, "tokenizer '%s': SentencePiece, which is not supported yet",
			    spec);
	return is_dir ? tokenizer_load(spec, tok) : open_file(spec, tok);
}

static int no_tokenizer(const char *spec, const char *name)
{
	const char *near = registry_nearest(&kinds, name);
	int ret = -errno;

	if (near && ret == -ENOENT)
		return fail(ret, "tokenizer '%s': did you mean '%s'?", spec, near);
	return fail(ret, "tokenizer '%s': neither byte, gpt2:DIR nor a tokenizer.json: %s", spec,
		    strerror(-ret));
}

int tokenizer_open(const char *spec, struct tokenizer **tok)
{
	const struct tokenizer_kind *kind;
	size_t len = strcspn(spec, ":");
	char name[16];
	struct stat st;
	int ret;

	ret = registry_sort(&kinds, 1);
	if (ret)
		return ret;
	snprintf(name, sizeof(name), "%.*s", (int)len, spec);
	kind = len < sizeof(name) ? registry_find(&kinds, name) : NULL;
	if (kind)
		return kind->open(spec[len] ? spec + len + 1 : NULL, tok);
	if (!strcmp(name, "gpt2"))
		return fail(-ENOENT, "tokenizer '%s': this program was built without "
			    "CONFIG_TOKENIZER_BPE", spec);
	if (stat(spec, &st))
		return no_tokenizer(spec, name);
	return open_path(spec, S_ISDIR(st.st_mode), tok);
}

void tokenizer_json(const struct tokenizer *tok, struct strbuf *sb)
{
	if (tok->json)
		strbuf_add(sb, tok->json, tok->json_len);
	else
		tokenizer_describe(tok, sb);
}

int tokenizer_save(const struct tokenizer *tok, const char *dir)
{
	char *path = str_printf("%s/%s", dir, TOKENIZER_FILE);
	struct strbuf sb;
	int ret;

	strbuf_init(&sb);
	tokenizer_json(tok, &sb);
	ret = strbuf_ok(&sb);
	if (!ret && !path)
		ret = fail_nomem(strlen(dir), "a path");
	if (!ret)
		ret = file_write_atomic(path, sb.s, sb.len);
	strbuf_free(&sb);
	free(path);
	return ret;
}

void tokenizer_free(struct tokenizer *tok)
{
	if (!tok)
		return;
	free(tok->bytes);
	free(tok->start);
	free(tok->special);
	free(tok->merges);
	free(tok->json);
	tok->kind->release(tok);
}

int tokenizer_encode(struct tokenizer *tok, const char *text, size_t len,
		     struct token_list *out)
{
	return tok->kind->encode(tok, text, len, out);
}

int tokenizer_decode(const struct tokenizer *tok, uint32_t id, const char **bytes, size_t *len)
{
	if (id >= tok->vocab)
		return fail(-EINVAL, "token %u is not in the vocabulary of '%s' (%u tokens)", id,
			    tok->name, tok->vocab);
	*bytes = tok->bytes + tok->start[id];
	*len = tok->start[id + 1] - tok->start[id];
	return 0;
}

uint32_t tokenizer_vocab(const struct tokenizer *tok)
{
	return tok->vocab;
}

uint32_t tokenizer_eot(const struct tokenizer *tok)
{
	return tok->eot;
}

bool tokenizer_is_special(const struct tokenizer *tok, uint32_t id)
{
	return id < tok->vocab && tok->special[id];
}

const char *tokenizer_name(const struct tokenizer *tok)
{
	return tok->name;
}

const char *tokenizer_hash(const struct tokenizer *tok)
{
	return tok->hash;
}

const struct token_merge *tokenizer_merges(const struct tokenizer *tok, uint32_t *nr)
{
	*nr = tok->nr_merges;
	return tok->merges;
}

void tokenizer_spelling(const struct tokenizer *tok, uint32_t id, struct strbuf *sb)
{
	const char *bytes = tok->bytes + tok->start[id];
	size_t len = tok->start[id + 1] - tok->start[id];

	if (tok->special[id])
		strbuf_add(sb, bytes, len);
	else
		bytelevel_write(sb, bytes, len);
}

int tokenizer_set_tokens(struct tokenizer *tok, const struct token_text *tokens, uint32_t nr)
{
	size_t total = 0;

	for (uint32_t i = 0; i < nr; i++)
		total += tokens[i].len;
	tok->bytes = malloc(total + 1);
	tok->start = malloc((nr + 1) * sizeof(*tok->start));
	tok->special = calloc(nr + 1, sizeof(*tok->special));
	if (!tok->bytes || !tok->start || !tok->special)
		return fail_nomem(total + nr * sizeof(*tok->start), "a vocabulary");
	total = 0;
	for (uint32_t i = 0; i < nr; i++) {
		tok->start[i] = total;
		memcpy(tok->bytes + total, tokens[i].bytes, tokens[i].len);
		total += tokens[i].len;
		tok->special[i] = tokens[i].special;
	}
	tok->start[nr] = total;
	tok->vocab = nr;
	return 0;
}

static void hash_u32(struct hash *h, uint32_t v)
{
	unsigned char le[4] = { v, v >> 8, v >> 16, v >> 24 };

	hash_update(h, le, sizeof(le));
}

/* All that decides about ids, each part with its length so that none runs into the next. */
int tokenizer_seal(struct tokenizer *tok)
{
	const char *pattern = tok->pattern ? tok->pattern : "";
	struct hash h;
	int ret;

	ret = hash_begin(&h);
	if (ret)
		return ret;
	hash_u32(&h, strlen(pattern));
	hash_update(&h, pattern, strlen(pattern));
	hash_u32(&h, tok->ignore_merges);
	hash_u32(&h, tok->eot);
	hash_u32(&h, tok->vocab);
	for (uint32_t id = 0; id < tok->vocab; id++) {
		hash_u32(&h, tok->start[id + 1] - tok->start[id]);
		hash_u32(&h, tok->special[id]);
	}
	hash_update(&h, tok->bytes, tok->start[tok->vocab]);
	hash_u32(&h, tok->nr_merges);
	for (uint32_t i = 0; i < tok->nr_merges; i++) {
		hash_u32(&h, tok->merges[i].left);
		hash_u32(&h, tok->merges[i].right);
	}
	hash_end(&h, tok->hash);
	if (tok->name[0])
		return 0;
	if (!strcmp(tok->hash, GPT2_HASH))
		strcpy(tok->name, "gpt2");
	else
		snprintf(tok->name, sizeof(tok->name), "bpe-%.8s", tok->hash);
	return 0;
}
