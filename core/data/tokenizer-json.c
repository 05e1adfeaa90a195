// SPDX-License-Identifier: MIT
/*
 * tokenizer.json of Hugging Face's tokenizers, type BPE or Unigram.
 *
 * What would give other ids than that library does is refused by name.  Post-processors
 * tell which tokens begin and end a text; nothing is added unless the caller wants it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "data/marks.h"
#include "data/tokenizer-json.h"

static const struct tokenizer_kind json;

static int refuse_features(const char *path, const cJSON *model, bool byte_level)
{
	static const char *const features[] = {
		"dropout", "continuing_subword_prefix", "end_of_word_suffix",
	};

	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (json_is_set(model, features[i]))
			return fail(-ENOTSUP, "%s: model.%s is not supported", path, features[i]);
	if (byte_level && json_is_set(model, "byte_fallback"))
		return fail(-ENOTSUP, "%s: model.byte_fallback is not supported behind ByteLevel",
			    path);
	return 0;
}

static int read_vocab(struct token_source *src, const cJSON *vocab)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, vocab) {
		long long id;
		int ret;

		ret = json_item_int(src->path, item->string, item, 0, TOKENS_MAX, &id);
		if (!ret)
			ret = token_source_put(src, id, item->string, strlen(item->string));
		if (ret)
			return ret;
	}
	return 0;
}

/* [["<unk>", 0.0], ["a", -1.5], ...]: the place is the id. */
static int read_pieces(struct token_source *src, const cJSON *vocab)
{
	const cJSON *item;
	uint32_t id = 0;

	cJSON_ArrayForEach(item, vocab) {
		const cJSON *text = item->child, *score = text ? text->next : NULL;
		int ret;

		if (!cJSON_IsArray(item) || !cJSON_IsString(text) || !cJSON_IsNumber(score) ||
		    score->next)
			return fail(-EINVAL, "%s: token %u is not a text and a score", src->path,
				    id);
		ret = token_source_put(src, id, text->valuestring, strlen(text->valuestring));
		if (ret)
			return ret;
		src->tokens[id++].score = score->valuedouble;
	}
	return 0;
}

static int read_added_token(struct token_source *src, const cJSON *item)
{
	const char *content;
	struct token_def *t;
	bool special;
	long long id;
	int ret;

	ret = json_int(src->path, item, "id", 0, TOKENS_MAX, &id);
	if (!ret)
		ret = json_string(src->path, item, "content", &content);
	if (!ret)
		ret = json_bool(src->path, item, "special", &special);
	if (ret)
		return fail_in(ret, "added_tokens");
	if (json_is_set(item, "single_word"))
		return fail(-ENOTSUP, "%s: added token '%s': single_word is not supported",
			    src->path, content);
	ret = token_source_put(src, id, content, strlen(content));
	if (ret)
		return ret;
	t = &src->tokens[id];
	t->type = special ? TOKEN_CONTROL : TOKEN_USER_DEFINED;
	t->flags = json_is_set(item, "lstrip") * MARK_LSTRIP |
		   json_is_set(item, "rstrip") * MARK_RSTRIP |
		   json_is_set(item, "normalized") * MARK_NORMALIZED;
	return 0;
}

static int read_added_tokens(struct token_source *src, const cJSON *added)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, added) {
		int ret = read_added_token(src, item);

		if (ret)
			return ret;
	}
	return 0;
}

/* A merge is "left right" in older files, ["left", "right"] in newer ones. */
static int read_merge(const struct token_source *src, uint32_t rank, const cJSON *item,
		      struct token_pair *pair)
{
	const char *left = cJSON_GetStringValue(item), *right = NULL;

	if (left) {
		right = strchr(left, ' ');
		pair->left_len = right ? (size_t)(right - left) : 0;
		right = right ? right + 1 : NULL;
	} else if (cJSON_IsArray(item) && cJSON_GetArraySize(item) == 2) {
		left = cJSON_GetStringValue(item->child);
		right = cJSON_GetStringValue(item->child->next);
		pair->left_len = left ? strlen(left) : 0;
	}
	if (!left || !right || !pair->left_len || !*right)
		return fail(-EINVAL, "%s: merge %u is not two tokens", src->path, rank);
	pair->left = left;
	pair->right = right;
	pair->right_len = strlen(right);
	return 0;
}

static int read_merges(struct token_source *src, const cJSON *merges)
{
	const cJSON *item;
	uint32_t rank = 0;

	cJSON_ArrayForEach(item, merges) {
		int ret = read_merge(src, rank, item, &src->merges[rank]);

		if (ret)
			return ret;
		rank++;
	}
	return 0;
}

/* Added tokens may repeat tokens of the vocabulary (with the same id) or follow it. */
static size_t count_tokens(const cJSON *vocab, const cJSON *added)
{
	size_t nr = cJSON_GetArraySize(vocab), old = nr;
	const cJSON *item;

	cJSON_ArrayForEach(item, added) {
		double id = cJSON_GetNumberValue(json_get(item, "id"));

		nr += id >= (double)old && id < TOKENS_MAX;
	}
	return nr;
}

/* ---- special ids ------------------------------------------------------------------- */

static uint32_t find_token(const struct token_source *src, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	for (uint32_t id = 0; text && id < src->vocab; id++)
		if (src->tokens[id].text && src->tokens[id].len == len &&
		    !memcmp(src->tokens[id].text, text, len))
			return id;
	return TOKEN_NONE;
}

static uint32_t template_token(const struct token_source *src, const cJSON *piece)
{
	const cJSON *special = json_get(piece, "SpecialToken");

	return find_token(src, cJSON_GetStringValue(json_get(special, "id")));
}

/* TemplateProcessing: special tokens in front of and behind the text. */
static void read_template(struct token_source *src, const cJSON *item)
{
	const cJSON *single = json_get(item, "single"), *piece;
	bool behind = false;

	cJSON_ArrayForEach(piece, single) {
		uint32_t id = template_token(src, piece);

		behind = behind || json_get(piece, "Sequence");
		if (id == TOKEN_NONE)
			continue;
		if (behind) {
			src->eos = id;
			src->add_eos = true;
		} else {
			src->bos = id;
			src->add_bos = true;
		}
	}
}

static void read_post_processor(struct token_source *src, const cJSON *root)
{
	const cJSON *all = json_get(root, "post_processor"), *item;

	if (json_is(all, "TemplateProcessing"))
		read_template(src, all);
	if (json_is(all, "Sequence"))
		cJSON_ArrayForEach(item, json_get(all, "processors"))
			if (json_is(item, "TemplateProcessing"))
				read_template(src, item);
}

static void guess_bos(struct token_source *src)
{
	static const char *const names[] = { "<|begin_of_text|>", "<bos>", "<s>" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint32_t id = src->bos == TOKEN_NONE ? find_token(src, names[i]) : TOKEN_NONE;

		if (id != TOKEN_NONE && src->tokens[id].type == TOKEN_CONTROL)
			src->bos = id;
	}
}

static int read_unknown(struct token_source *src, const cJSON *model)
{
	const char *text = cJSON_GetStringValue(json_get(model, "unk_token"));
	long long id;
	int ret;

	if (src->method == METHOD_UNIGRAM) {
		ret = json_int(src->path, model, "unk_id", 0, TOKENS_MAX, &id);
		if (ret)
			return ret;
		if (id >= src->vocab)
			return fail(-EINVAL, "%s: unk_id %lld is not below the number of tokens, "
				    "%u", src->path, id, src->vocab);
		src->unk = id;
	} else if (text) {
		src->unk = find_token(src, text);
		if (src->unk == TOKEN_NONE)
			return fail(-EINVAL, "%s: unk_token '%s' is not in the vocabulary",
				    src->path, text);
	}
	/* One that is no special token is still no text: it stands for all that is unknown. */
	if (src->unk != TOKEN_NONE &&
	    (src->method == METHOD_UNIGRAM || src->tokens[src->unk].type == TOKEN_CONTROL))
		src->tokens[src->unk].type = TOKEN_UNKNOWN;
	return 0;
}

/* "<0x41>", where they are used. */
static void mark_bytes(struct token_source *src)
{
	for (uint32_t id = 0; id < src->vocab && src->byte_fallback; id++) {
		struct token_def *t = &src->tokens[id];

		if (t->text && t->type == TOKEN_NORMAL && t->len == 6 &&
		    !memcmp(t->text, "<0x", 3) && t->text[5] == '>' &&
		    strspn(t->text + 3, "0123456789ABCDEF") == 2)
			t->type = TOKEN_BYTE;
	}
}

/* ---- the whole ----------------------------------------------------------------------- */

static int read_tables(struct token_source *src, const cJSON *root, const cJSON *model,
		       const cJSON *vocab, const cJSON *merges)
{
	const cJSON *added = json_get(root, "added_tokens");
	int ret = src->method == METHOD_UNIGRAM ? read_pieces(src, vocab)
						: read_vocab(src, vocab);

	if (!ret)
		ret = read_added_tokens(src, added);
	if (!ret)
		ret = read_merges(src, merges);
	if (!ret)
		ret = read_unknown(src, model);
	if (ret)
		return ret;
	mark_bytes(src);
	read_post_processor(src, root);
	guess_bos(src);
	json_decoder(src, root);
	return json_own(src, root, model);
}

static int read_model(struct token_source *src, const cJSON *root, const cJSON *model,
		      bool byte_level)
{
	const cJSON *vocab, *merges = NULL;
	bool unigram = json_is(model, "Unigram");
	int ret;

	ret = unigram ? json_array(src->path, model, "vocab", &vocab)
		      : json_object(src->path, model, "vocab", &vocab);
	if (!ret && !unigram)
		ret = json_array(src->path, model, "merges", &merges);
	if (ret)
		return ret;
	src->method = unigram ? METHOD_UNIGRAM : byte_level ? METHOD_BYTE_BPE : METHOD_TEXT_BPE;
	src->ignore_merges = json_is_set(model, "ignore_merges");
	src->byte_fallback = json_is_set(model, "byte_fallback");
	src->fuse_unk = unigram || json_is_set(model, "fuse_unk");
	ret = token_source_alloc(src, count_tokens(vocab, json_get(root, "added_tokens")),
				 cJSON_GetArraySize(merges));
	return ret ? ret : read_tables(src, root, model, vocab, merges);
}

static int read_root(const char *path, const cJSON *root, struct tokenizer **tok)
{
	struct token_source src = { .path = path, .merges_path = path };
	bool byte_level = false;
	const cJSON *model;
	int ret;

	ret = json_object(path, root, "model", &model);
	if (!ret && !json_is(model, "BPE") && !json_is(model, "Unigram"))
		ret = fail(-ENOTSUP, "%s: the model is not of type BPE or Unigram but '%s'", path,
			   json_type(model));
	if (!ret)
		ret = json_normalizer(&src, root);
	if (!ret)
		ret = json_pre_tokenizer(&src, root, &byte_level);
	if (!ret)
		ret = refuse_features(path, model, byte_level);
	if (!ret)
		ret = read_model(&src, root, model, byte_level);
	if (!ret)
		ret = token_source_make(&json, &src, tok);
	token_source_free(&src);
	return ret;
}

static int json_kind_parse(const char *path, const char *text, size_t len,
			   struct tokenizer **tok)
{
	size_t blanks = 0;
	cJSON *root;
	int ret;

	while (blanks < len && strchr(" \t\r\n", text[blanks]) && text[blanks])
		blanks++;
	if (blanks < len && text[blanks] != '{' && text[blanks] != '[')
		return 1;
	ret = json_parse(path, text, len, &root);
	if (ret)
		return ret;
	ret = read_root(path, root, tok);
	cJSON_Delete(root);
	return ret;
}

static int json_kind_open(const char *arg, struct tokenizer **tok)
{
	size_t len;
	char *text;
	int ret;

	if (!arg || !*arg)
		return fail(-EINVAL, "tokenizer 'json': name the tokenizer.json");
	ret = file_read_all(arg, TOKENIZER_BYTES_MAX, &text, &len);
	if (ret)
		return ret;
	ret = json_kind_parse(arg, text, len, tok);
	if (ret) {
		free(text);
		return ret > 0 ? fail(-EINVAL, "%s: no JSON", arg) : ret;
	}
	(*tok)->json = text;
	(*tok)->json_len = len;
	return 0;
}

/* "bos_token": "<s>", or an object with a content; null or a name that is no token: as it was. */
static void config_token(const struct tokenizer *tok, const cJSON *root, const char *key,
			 uint32_t *id)
{
	const cJSON *item = json_get(root, key);
	const char *text = cJSON_GetStringValue(item);
	uint32_t found;

	if (cJSON_IsObject(item))
		text = cJSON_GetStringValue(json_get(item, "content"));
	found = text && *text ? tokenizer_find(tok, text, strlen(text)) : TOKEN_NONE;
	if (found != TOKEN_NONE)
		*id = found;
}

static void config_flag(const cJSON *root, const char *key, uint32_t id, bool *flag)
{
	const cJSON *item = json_get(root, key);

	if (cJSON_IsBool(item))
		*flag = cJSON_IsTrue(item) && id != TOKEN_NONE;
}

static int json_kind_config(struct tokenizer *tok, const char *path)
{
	cJSON *root;
	int ret = json_read(path, &root);

	if (ret)
		return ret;
	config_token(tok, root, "bos_token", &tok->bos);
	config_token(tok, root, "eos_token", &tok->eos);
	config_token(tok, root, "unk_token", &tok->unk);
	config_token(tok, root, "pad_token", &tok->pad);
	config_flag(root, "add_bos_token", tok->bos, &tok->add_bos);
	config_flag(root, "add_eos_token", tok->eos, &tok->add_eos);
	cJSON_Delete(root);
	return 0;
}

static const struct tokenizer_kind json = {
	.name = "json",
	.help = "FILE: a tokenizer.json of Hugging Face of type BPE or Unigram",
	.open = json_kind_open,
	.parse = json_kind_parse,
	.config = json_kind_config,
	.rank = 10,
	.encode = tokenizer_run,
	.release = tokenizer_release,
};
TOKENIZER_REGISTER(json);
