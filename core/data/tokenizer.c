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
#include "data/marks.h"
#include "data/normalizer.h"

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

int token_list_read(const char *where, const char *text, size_t len, struct token_list *list)
{
	size_t i = 0;
	int ret = 0;

	while (!ret && i < len) {
		unsigned long long id = 0;
		size_t begin = i;

		for (; i < len && text[i] >= '0' && text[i] <= '9'; i++)
			if (id <= UINT32_MAX)
				id = 10 * id + (text[i] - '0');
		if (i > begin)
			ret = id < UINT32_MAX ? token_list_add(list, id)
					      : fail(-EINVAL, "%s: %.*s is no token id", where,
						     (int)(i - begin < 20 ? i - begin : 20),
						     text + begin);
		else if (!strchr(" \t\r\n,[]", text[i]) || !text[i])
			ret = fail(-EINVAL, "%s: '%.*s' is no token id", where,
				   (int)(len - i < 20 ? len - i : 20), text + i);
		else
			i++;
	}
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
	return fail(-EINVAL, "%s: no tokenizer of this program reads it%s", path,
		    IS_ENABLED(CONFIG_TOKENIZER_BPE) ? "" : " (a BPE tokenizer needs a build "
		    "with CONFIG_TOKENIZER_BPE)");
}

/* What comes from a tokenizer.json is kept as it is, to be written again. */
static bool is_json(const struct tokenizer *tok)
{
	return !strcmp(tok->kind->name, "json") || !strcmp(tok->kind->name, "byte");
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
	if (!is_json(*tok)) {
		free(text);
		return 0;
	}
	(*tok)->json = text;
	(*tok)->json_len = len;
	return 0;
out_text:
	free(text);
	return ret;
}

static bool dir_has(const char *dir, const char *name)
{
	char *path = path_join(dir, name);
	bool has = path && file_exists(path);

	free(path);
	return has;
}

static int load_config(const char *dir, struct tokenizer *tok)
{
	char *path;
	int ret;

	if (!tok->kind->config || !dir_has(dir, TOKENIZER_CONFIG))
		return 0;
	path = path_join(dir, TOKENIZER_CONFIG);
	ret = path ? tok->kind->config(tok, path) : fail_nomem(strlen(dir), "a path");
	free(path);
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
	if (ret)
		return ret;
	ret = load_config(dir, *tok);
	if (ret) {
		tokenizer_free(*tok);
		*tok = NULL;	/* the owner of the place may free what is there */
	}
	return ret;
}

/* What the end of @path says that it is, so that damage is not taken for another kind. */
static const struct tokenizer_kind *kind_by_name(const char *path)
{
	const struct tokenizer_kind *kind;

	registry_for_each(&kinds, kind)
		if (kind->suffix && str_has_suffix(path, kind->suffix))
			return kind;
	return NULL;
}

/* By what the file begins with, else by its name. A GGUF file may be too big to be read. */
static int open_path(const char *path, struct tokenizer **tok)
{
	const struct tokenizer_kind *gguf = registry_find(&kinds, "gguf"), *named;
	char magic[4] = { 0 };
	FILE *f = fopen(path, "rb");
	size_t n = 0;

	if (f) {
		n = fread(magic, 1, sizeof(magic), f);
		fclose(f);
	}
	if (n == sizeof(magic) && gguf && !memcmp(magic, "GGUF", sizeof(magic)))
		return gguf->open(path, tok);
	named = kind_by_name(path);
	return f && named && magic[0] != '{' ? named->open(path, tok) : open_file(path, tok);
}

static int open_dir(const char *dir, struct tokenizer **tok)
{
	char *path;
	int ret;

	if (dir_has(dir, TOKENIZER_FILE))
		return tokenizer_load(dir, tok);
	if (dir_has(dir, "vocab.bpe"))
		return fail(-EINVAL, "tokenizer '%s': it holds OpenAI's vocab.bpe: say gpt2:%s",
			    dir, dir);
	if (!dir_has(dir, "tokenizer.model"))
		return fail(-ENOENT, "tokenizer '%s': the folder holds no %s and no "
			    "tokenizer.model", dir, TOKENIZER_FILE);
	path = path_join(dir, "tokenizer.model");
	ret = path ? open_path(path, tok) : fail_nomem(strlen(dir), "a path");
	free(path);
	return ret;
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
	return S_ISDIR(st.st_mode) ? open_dir(spec, tok) : open_path(spec, tok);
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
	free(tok->spelled);
	free(tok->spelled_start);
	free(tok->special);
	free(tok->type);
	free(tok->flags);
	free(tok->scores);
	free(tok->merges);
	for (int i = 0; i < tok->nr_splits; i++)
		free((void *)tok->splits[i]);
	normalizer_free(tok->normalizer);
	marks_free(tok->marks);
	free(tok->json);
	tok->kind->release(tok);
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

bool tokenizer_lost(const struct tokenizer *tok)
{
	return tok->lost;
}

uint32_t tokenizer_eot(const struct tokenizer *tok)
{
	return tok->eot;
}

uint32_t tokenizer_bos(const struct tokenizer *tok)
{
	return tok->bos;
}

uint32_t tokenizer_eos(const struct tokenizer *tok)
{
	return tok->eos;
}

uint32_t tokenizer_unk(const struct tokenizer *tok)
{
	return tok->unk;
}

uint32_t tokenizer_pad(const struct tokenizer *tok)
{
	return tok->pad;
}

bool tokenizer_adds_bos(const struct tokenizer *tok)
{
	return tok->add_bos;
}

bool tokenizer_adds_eos(const struct tokenizer *tok)
{
	return tok->add_eos;
}

enum token_type tokenizer_type(const struct tokenizer *tok, uint32_t id)
{
	return tok->type[id];
}

const float *tokenizer_scores(const struct tokenizer *tok)
{
	return tok->scores;
}

bool tokenizer_merges_by_score(const struct tokenizer *tok)
{
	return tok->method == METHOD_SCORE_BPE;
}

bool tokenizer_is_special(const struct tokenizer *tok, uint32_t id)
{
	return id < tok->vocab && tok->special[id];
}

/* Names of tokens that end a text or a turn, as llama.cpp has them. */
static const char *const ends[] = {
	"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", TOKENIZER_EOT, "</s>", "<eos>",
	"<|eom_id|>", "<EOT>", "<|end_of_text|>", "<|return|>", "<|call|>",
};

bool tokenizer_ends(const struct tokenizer *tok, uint32_t id)
{
	const char *bytes;
	size_t len;

	if (!tokenizer_is_special(tok, id))
		return false;
	if (id == tok->eos || id == tok->eot)
		return true;
	bytes = tok->bytes + tok->start[id];
	len = tok->start[id + 1] - tok->start[id];
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (len == strlen(ends[i]) && !memcmp(bytes, ends[i], len))
			return true;
	return false;
}

uint32_t tokenizer_find(const struct tokenizer *tok, const char *text, size_t len)
{
	struct mark mark;

	for (int normalized = 0; normalized < 2; normalized++)
		if (marks_next(tok, normalized, true, text, len, 0, &mark) && !mark.begin &&
		    mark.end == len)
			return mark.id;
	return TOKEN_NONE;
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

	if (tok->spelled)
		strbuf_add(sb, tok->spelled + tok->spelled_start[id],
			   tok->spelled_start[id + 1] - tok->spelled_start[id]);
	else if (tok->special[id] || tok->type[id] == TOKEN_USER_DEFINED)
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
	tok->type = calloc(nr + 1, sizeof(*tok->type));
	tok->flags = calloc(nr + 1, sizeof(*tok->flags));
	if (!tok->bytes || !tok->start || !tok->special || !tok->type || !tok->flags)
		return fail_nomem(total + nr * sizeof(*tok->start), "a vocabulary");
	total = 0;
	for (uint32_t i = 0; i < nr; i++) {
		tok->start[i] = total;
		memcpy(tok->bytes + total, tokens[i].bytes, tokens[i].len);
		total += tokens[i].len;
		tok->special[i] = tokens[i].special;
		tok->type[i] = tokens[i].special ? TOKEN_CONTROL : TOKEN_NORMAL;
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

/* What byte-level BPE with one pattern and special tokens alone does without. */
static bool is_simple(const struct tokenizer *tok)
{
	if (tok->nr_splits > 1 || tok->normalizer ||
	    (tok->method != METHOD_BYTE && tok->method != METHOD_BYTE_BPE))
		return false;
	for (uint32_t id = 0; id < tok->vocab; id++)
		if (tok->type[id] == TOKEN_USER_DEFINED ||
		    tok->flags[id] & (MARK_LSTRIP | MARK_RSTRIP))
			return false;
	return true;
}

bool tokenizer_has_own(const struct tokenizer *tok)
{
	for (uint32_t id = 0; id < tok->vocab; id++)
		if (tok->type[id] == TOKEN_UNUSED || tok->type[id] == TOKEN_UNKNOWN)
			return true;
	return tok->eos != tok->eot || tok->bos != TOKEN_NONE || tok->pad != TOKEN_NONE ||
	       tok->unk != TOKEN_NONE;
}

static void hash_more(struct hash *h, const struct tokenizer *tok)
{
	hash_u32(h, tok->method);
	for (int i = 1; i < tok->nr_splits; i++) {
		hash_u32(h, strlen(tok->splits[i]));
		hash_update(h, tok->splits[i], strlen(tok->splits[i]));
	}
	hash_update(h, tok->type, tok->vocab);
	hash_update(h, tok->flags, tok->vocab);
	if (tok->scores)
		hash_update(h, tok->scores, tok->vocab * sizeof(*tok->scores));
	if (tok->spelled)
		hash_update(h, tok->spelled, tok->spelled_start[tok->vocab]);
	hash_u32(h, tok->byte_fallback | tok->fuse_unk << 1 | tok->single << 2);
	hash_u32(h, tok->unk);
	if (tok->normalizer)
		normalizer_hash(tok->normalizer, h);
}

/* All that decides about ids, each part with its length so that none runs into the next. */
int tokenizer_seal(struct tokenizer *tok)
{
	const char *pattern = tok->nr_splits ? tok->splits[0] : "";
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
	if (!is_simple(tok))
		hash_more(&h, tok);
	hash_end(&h, tok->hash);
	if (tok->name[0])
		return 0;
	if (!strcmp(tok->hash, GPT2_HASH))
		strcpy(tok->name, "gpt2");
	else
		snprintf(tok->name, sizeof(tok->name), "%s-%.8s",
			 tok->method == METHOD_UNIGRAM ? "unigram" :
			 tok->method == METHOD_BYTE_BPE ? "bpe" : "spm", tok->hash);
	return 0;
}
