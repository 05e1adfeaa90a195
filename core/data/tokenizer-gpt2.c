// SPDX-License-Identifier: MIT
/* OpenAI's files of GPT-2: encoder.json (token to id) and vocab.bpe (merges by rank). */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "data/token-source.h"
#include "io/json.h"

static const struct tokenizer_kind gpt2;

static size_t count_lines(const char *text, size_t len)
{
	size_t n = 1;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

/* "left right"; neither part holds a space, which the alphabet writes as another letter. */
static int read_merge(const char *path, size_t line, const char *s, size_t len,
		      struct token_pair *pair)
{
	const char *space = memchr(s, ' ', len);

	if (!space || space == s || space + 1 == s + len ||
	    memchr(space + 1, ' ', s + len - space - 1))
		return fail(-EINVAL, "%s:%zu: not two tokens with a space between them", path,
			    line);
	pair->left = s;
	pair->left_len = space - s;
	pair->right = space + 1;
	pair->right_len = s + len - space - 1;
	return 0;
}

static int read_merges(struct token_source *src, const char *text, size_t len)
{
	size_t at = 0, line = 0;

	src->nr_merges = 0;
	while (at < len) {
		const char *s = text + at;
		const char *end = memchr(s, '\n', len - at);
		size_t n = end ? (size_t)(end - s) : len - at;
		int ret;

		at += n + 1;
		line++;
		if (line == 1 && n > 8 && !memcmp(s, "#version", 8))
			continue;
		if (!n && at >= len)
			break;
		ret = read_merge(src->merges_path, line, s, n, &src->merges[src->nr_merges]);
		if (ret)
			return ret;
		src->nr_merges++;
	}
	return 0;
}

static int read_vocab(struct token_source *src, const cJSON *root)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, root) {
		long long id;
		int ret;

		ret = json_item_int(src->path, item->string, item, 0, TOKENS_MAX, &id);
		if (!ret)
			ret = token_source_put(src, id, item->string, strlen(item->string));
		if (ret)
			return ret;
		if (!strcmp(item->string, TOKENIZER_EOT))
			src->tokens[id].type = TOKEN_CONTROL;
	}
	return 0;
}

static int open_files(const char *vocab_path, const char *merges_path, struct tokenizer **tok)
{
	struct token_source src = {
		.path = vocab_path, .merges_path = merges_path, .method = METHOD_BYTE_BPE,
		.splits = { GPT2_PATTERN }, .nr_splits = 1,
	};
	cJSON *root = NULL;
	char *text = NULL;
	size_t len;
	int ret;

	ret = file_read_all(merges_path, TOKENIZER_BYTES_MAX, &text, &len);
	if (ret)
		return ret;
	ret = json_read(vocab_path, &root);
	if (ret)
		goto out_text;
	if (!cJSON_IsObject(root)) {
		ret = fail(-EINVAL, "%s: not an object of tokens and ids", vocab_path);
		goto out_root;
	}
	ret = token_source_alloc(&src, cJSON_GetArraySize(root), count_lines(text, len));
	if (ret)
		goto out_root;
	ret = read_vocab(&src, root);
	if (!ret)
		ret = read_merges(&src, text, len);
	if (!ret)
		ret = token_source_make(&gpt2, &src, tok);
	token_source_free(&src);
out_root:
	cJSON_Delete(root);
out_text:
	free(text);
	return ret;
}

static int gpt2_open(const char *dir, struct tokenizer **tok)
{
	char *vocab, *merges;
	int ret;

	if (!dir || !*dir)
		return fail(-EINVAL, "tokenizer 'gpt2': name the folder of encoder.json and "
			    "vocab.bpe: gpt2:DIR");
	vocab = str_printf("%s/encoder.json", dir);
	merges = str_printf("%s/vocab.bpe", dir);
	if (vocab && merges)
		ret = open_files(vocab, merges, tok);
	else
		ret = fail_nomem(2 * strlen(dir), "paths");
	free(vocab);
	free(merges);
	return ret;
}

static const struct tokenizer_kind gpt2 = {
	.name = "gpt2",
	.help = "gpt2:DIR: OpenAI's encoder.json and vocab.bpe in folder DIR",
	.open = gpt2_open,
	.encode = tokenizer_run,
	.release = tokenizer_release,
};
TOKENIZER_REGISTER(gpt2);
