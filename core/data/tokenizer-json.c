// SPDX-License-Identifier: MIT
/*
 * tokenizer.json of Hugging Face's tokenizers, type BPE over the byte-level alphabet.
 *
 * What would make encoding lossy, or differ from what that library does, is refused by
 * name: normalizers, a prefix space, dropout, byte fallback, added tokens that are matched
 * inside text.  Post-processors, which add BOS or templates, are none of our business:
 * documents are encoded without special tokens.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "data/bpe.h"
#include "io/json.h"

static const struct tokenizer_kind json;

static bool is_set(const cJSON *object, const char *key)
{
	const cJSON *item = json_get(object, key);

	return item && !cJSON_IsNull(item) && !cJSON_IsFalse(item) &&
	       !(cJSON_IsString(item) && !*item->valuestring);
}

static bool is_type(const cJSON *object, const char *type)
{
	const char *text = cJSON_GetStringValue(json_get(object, "type"));

	return text && !strcmp(text, type);
}

static int refuse_features(const char *path, const cJSON *root, const cJSON *model)
{
	static const char *const features[] = {
		"dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback",
	};

	if (!is_type(model, "BPE"))
		return fail(-EINVAL, "%s: the model is not of type BPE", path);
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (is_set(model, features[i]))
			return fail(-EINVAL, "%s: model.%s is not supported", path, features[i]);
	if (is_set(root, "normalizer"))
		return fail(-EINVAL, "%s: a normalizer is not supported: decoding would not give "
			    "the text back", path);
	return 0;
}

/* ByteLevel, which cuts by GPT-2's pattern unless told not to. */
static int read_byte_level(struct bpe_source *src, const cJSON *pre)
{
	const cJSON *use = json_get(pre, "use_regex");

	if (is_set(pre, "add_prefix_space"))
		return fail(-EINVAL, "%s: add_prefix_space is not supported: decoding would not "
			    "give the text back", src->path);
	if (use && cJSON_IsFalse(use))
		return 0;
	if (src->pattern)
		return fail(-EINVAL, "%s: Split and then ByteLevel with use_regex is not "
			    "supported", src->path);
	src->pattern = GPT2_PATTERN;
	return 0;
}

static int read_split(struct bpe_source *src, const cJSON *pre)
{
	const char *behavior = cJSON_GetStringValue(json_get(pre, "behavior"));
	const char *regex = cJSON_GetStringValue(json_get(json_get(pre, "pattern"), "Regex"));

	if (src->pattern)
		return fail(-EINVAL, "%s: more than one Split is not supported", src->path);
	if (!regex || !*regex)
		return fail(-EINVAL, "%s: pre_tokenizer Split has no pattern.Regex", src->path);
	if (!behavior || strcmp(behavior, "Isolated") || is_set(pre, "invert"))
		return fail(-EINVAL, "%s: pre_tokenizer Split: only behavior Isolated without "
			    "invert is supported", src->path);
	src->pattern = regex;
	return 0;
}

static int read_pre_tokenizer(struct bpe_source *src, const cJSON *pre, bool *byte_level)
{
	const char *type = cJSON_GetStringValue(json_get(pre, "type"));

	if (*byte_level)
		return fail(-EINVAL, "%s: pre_tokenizer: ByteLevel is not the last one", src->path);
	if (is_type(pre, "ByteLevel")) {
		*byte_level = true;
		return read_byte_level(src, pre);
	}
	if (is_type(pre, "Split"))
		return read_split(src, pre);
	return fail(-EINVAL, "%s: pre_tokenizer '%s' is not supported (ByteLevel, or Split and "
		    "ByteLevel, are)", src->path, type ? type : "");
}

static int read_pre_tokenizers(struct bpe_source *src, const cJSON *root)
{
	const cJSON *pre = json_get(root, "pre_tokenizer"), *list, *item;
	bool byte_level = false;
	int ret;

	if (!is_type(pre, "Sequence")) {
		ret = read_pre_tokenizer(src, pre, &byte_level);
	} else {
		ret = json_array(src->path, pre, "pretokenizers", &list);
		if (ret)
			return ret;
		cJSON_ArrayForEach(item, list) {
			ret = read_pre_tokenizer(src, item, &byte_level);
			if (ret)
				return ret;
		}
	}
	if (!ret && !byte_level)
		return fail(-EINVAL, "%s: pre_tokenizer: no ByteLevel", src->path);
	return ret;
}

static int read_vocab(struct bpe_source *src, const cJSON *vocab)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, vocab) {
		long long id;
		int ret;

		ret = json_item_int(src->path, item->string, item, 0, BPE_VOCAB_MAX, &id);
		if (!ret)
			ret = bpe_put(src, id, item->string);
		if (ret)
			return ret;
	}
	return 0;
}

static int read_added_token(struct bpe_source *src, const cJSON *item)
{
	const char *content;
	bool special;
	long long id;
	int ret;

	ret = json_int(src->path, item, "id", 0, BPE_VOCAB_MAX, &id);
	if (!ret)
		ret = json_string(src->path, item, "content", &content);
	if (!ret)
		ret = json_bool(src->path, item, "special", &special);
	if (ret)
		return fail_in(ret, "added_tokens");
	if (!special)
		return fail(-EINVAL, "%s: added token '%s' is not special: matching it inside text "
			    "is not supported", src->path, content);
	ret = bpe_put(src, id, content);
	if (!ret)
		src->special[id] = true;
	return ret;
}

static int read_added_tokens(struct bpe_source *src, const cJSON *added)
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
static int read_merge(const struct bpe_source *src, uint32_t rank, const cJSON *item,
		      struct bpe_pair *pair)
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

static int read_merges(struct bpe_source *src, const cJSON *merges)
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

		nr += id >= (double)old && id < BPE_VOCAB_MAX;
	}
	return nr;
}

static int read_root(const char *path, const cJSON *root, struct tokenizer **tok)
{
	struct bpe_source src = { .path = path, .merges_path = path };
	const cJSON *model, *vocab, *merges, *added = json_get(root, "added_tokens");
	int ret;

	ret = json_object(path, root, "model", &model);
	if (!ret)
		ret = refuse_features(path, root, model);
	if (!ret)
		ret = json_object(path, model, "vocab", &vocab);
	if (!ret)
		ret = json_array(path, model, "merges", &merges);
	if (ret)
		return ret;
	ret = bpe_source_alloc(&src, count_tokens(vocab, added), cJSON_GetArraySize(merges));
	if (ret)
		return ret;
	src.ignore_merges = is_set(model, "ignore_merges");
	ret = read_pre_tokenizers(&src, root);
	if (!ret)
		ret = read_vocab(&src, vocab);
	if (!ret)
		ret = read_added_tokens(&src, added);
	if (!ret)
		ret = read_merges(&src, merges);
	if (!ret)
		ret = bpe_new(&json, &src, tok);
	bpe_source_free(&src);
	return ret;
}

static int json_kind_parse(const char *path, const char *text, size_t len,
			   struct tokenizer **tok)
{
	cJSON *root;
	int ret;

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
		return ret;
	}
	(*tok)->json = text;
	(*tok)->json_len = len;
	return 0;
}

static const struct tokenizer_kind json = {
	.name = "json",
	.help = "FILE: a tokenizer.json of Hugging Face of type BPE with ByteLevel",
	.open = json_kind_open,
	.parse = json_kind_parse,
	.rank = 10,
	.encode = bpe_encode,
	.release = bpe_release,
};
TOKENIZER_REGISTER(json);
