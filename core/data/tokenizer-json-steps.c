// SPDX-License-Identifier: MIT
/* What a tokenizer.json does to text before and after tokens. */
#include <stdlib.h>

#include "base/fail.h"
#include "data/normalizer.h"
#include "data/tokenizer-json.h"

static int add_step(struct token_source *src, const struct norm_step *step)
{
	return normalizer_add(src->path, &src->normalizer, step);
}

/* ---- normalizer -------------------------------------------------------------------- */

static int digit_of(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Base64 into @out, which has room for strlen(text) bytes. Its length, or -1. */
static long base64(const char *text, char *out)
{
	unsigned int bits = 0, nr = 0;
	long n = 0;

	for (; *text && *text != '='; text++) {
		int d = digit_of(*text);

		if (d < 0)
			return -1;
		bits = bits << 6 | d;
		nr += 6;
		if (nr >= 8) {
			nr -= 8;
			out[n++] = bits >> nr;
		}
	}
	return n;
}

static int add_charsmap(struct token_source *src, const cJSON *item)
{
	const char *text = cJSON_GetStringValue(json_get(item, "precompiled_charsmap"));
	char *map;
	long n;
	int ret;

	if (!text || !*text)
		return 0;
	map = malloc(strlen(text) + 1);
	if (!map)
		return fail_nomem(strlen(text), "a charsmap");
	n = base64(text, map);
	if (n < 0)
		ret = fail(-EINVAL, "%s: normalizer: precompiled_charsmap is no base64",
			   src->path);
	else
		ret = add_step(src, &(struct norm_step){
			.kind = NORM_CHARSMAP, .from = map, .from_len = n });
	free(map);
	return ret;
}

static int add_replace(struct token_source *src, const cJSON *item)
{
	const cJSON *pattern = json_get(item, "pattern");
	const char *from = cJSON_GetStringValue(json_get(pattern, "String"));
	const char *regex = cJSON_GetStringValue(json_get(pattern, "Regex"));
	const char *to = cJSON_GetStringValue(json_get(item, "content"));
	struct norm_step step = {
		.kind = NORM_REPLACE, .from = from, .to = to, .to_len = to ? strlen(to) : 0,
	};

	if (regex && !strcmp(regex, " {2,}"))
		step.kind = NORM_SQUEEZE;
	else if (!from || !*from)
		return fail(-ENOTSUP, "%s: normalizer Replace: only a pattern.String is supported, "
			    "and the Regex ' {2,}'", src->path);
	else
		step.from_len = strlen(from);
	if (!to)
		return fail(-EINVAL, "%s: normalizer Replace: no content", src->path);
	return add_step(src, &step);
}

static int add_normalizer(struct token_source *src, const cJSON *item)
{
	const char *prepend = cJSON_GetStringValue(json_get(item, "prepend"));

	if (json_is(item, "NFC"))
		return add_step(src, &(struct norm_step){ .kind = NORM_NFC });
	if (json_is(item, "Prepend") && prepend)
		return add_step(src, &(struct norm_step){
			.kind = NORM_PREPEND, .to = prepend, .to_len = strlen(prepend) });
	if (json_is(item, "Replace"))
		return add_replace(src, item);
	if (json_is(item, "Precompiled"))
		return add_charsmap(src, item);
	if (json_is(item, "Strip"))
		return add_step(src, &(struct norm_step){
			.kind = NORM_STRIP, .left = json_is_set(item, "strip_left"),
			.right = json_is_set(item, "strip_right") });
	return fail(-ENOTSUP, "%s: the normalizer '%s' is not supported (NFC, Prepend, Replace, "
		    "Strip and Precompiled are)", src->path, json_type(item));
}

int json_normalizer(struct token_source *src, const cJSON *root)
{
	const cJSON *item, *list, *all = json_get(root, "normalizer");
	int ret;

	if (!json_is_set(root, "normalizer"))
		return 0;
	if (!json_is(all, "Sequence"))
		return add_normalizer(src, all);
	ret = json_array(src->path, all, "normalizers", &list);
	if (ret)
		return ret;
	cJSON_ArrayForEach(item, list) {
		ret = add_normalizer(src, item);
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- pre-tokenizer ------------------------------------------------------------------ */

/* ByteLevel, which cuts by GPT-2's pattern unless told not to. */
static int add_byte_level(struct token_source *src, const cJSON *item)
{
	const cJSON *use = json_get(item, "use_regex");

	if (json_is_set(item, "add_prefix_space"))
		return fail(-ENOTSUP, "%s: add_prefix_space is not supported: decoding would not "
			    "give the text back", src->path);
	return use && cJSON_IsFalse(use) ? 0 : token_source_split(src, GPT2_PATTERN);
}

/* Gemma cuts at spaces, none of which its normalizer has left. */
static bool cuts_nothing(const struct token_source *src, const char *string)
{
	const struct norm_step *replace = normalizer_find(src->normalizer, NORM_REPLACE);

	return string && replace && !strcmp(string, replace->from) &&
	       !strstr(replace->to, string);
}

static int add_split(struct token_source *src, const cJSON *item)
{
	const char *behavior = cJSON_GetStringValue(json_get(item, "behavior"));
	const char *regex = cJSON_GetStringValue(json_get(json_get(item, "pattern"), "Regex"));

	if (cuts_nothing(src, cJSON_GetStringValue(json_get(json_get(item, "pattern"),
							     "String"))))
		return 0;
	if (!regex || !*regex)
		return fail(-ENOTSUP, "%s: pre_tokenizer Split has no pattern.Regex", src->path);
	if (!behavior || strcmp(behavior, "Isolated") || json_is_set(item, "invert"))
		return fail(-ENOTSUP, "%s: pre_tokenizer Split: only behavior Isolated without "
			    "invert is supported", src->path);
	return token_source_split(src, regex);
}

static int add_metaspace(struct token_source *src, const cJSON *item)
{
	const char *to = cJSON_GetStringValue(json_get(item, "replacement"));
	const char *scheme = cJSON_GetStringValue(json_get(item, "prepend_scheme"));
	const cJSON *old = json_get(item, "add_prefix_space"), *split = json_get(item, "split");
	struct norm_step step = {
		.kind = NORM_METASPACE, .phase = NORM_LATE, .prefix = SPACE_EACH,
	};
	int ret;

	if (!to || strcmp(to, SPACE_SYMBOL))
		return fail(-ENOTSUP, "%s: Metaspace: only U+2581 is supported as replacement",
			    src->path);
	step.to = to;
	step.to_len = strlen(to);
	if (scheme ? !strcmp(scheme, "never") : old && cJSON_IsFalse(old))
		step.prefix = SPACE_NEVER;
	else if (scheme && !strcmp(scheme, "first"))
		step.prefix = SPACE_FIRST;
	else if (scheme && strcmp(scheme, "always"))
		return fail(-EINVAL, "%s: Metaspace: prepend_scheme '%s' is none of always, first, "
			    "never", src->path, scheme);
	if (step.prefix != SPACE_EACH && normalizer_find(src->normalizer, NORM_BLANKS))
		return fail(-ENOTSUP, "%s: WhitespaceSplit in front of a Metaspace that is not for "
			    "each word is not supported", src->path);
	ret = add_step(src, &step);
	if (ret || (split && cJSON_IsFalse(split)))
		return ret;
	return token_source_split(src, METASPACE_SPLIT);
}

static int add_pre_tokenizer(struct token_source *src, const cJSON *item, bool *byte_level)
{
	if (*byte_level)
		return fail(-ENOTSUP, "%s: pre_tokenizer: ByteLevel is not the last one",
			    src->path);
	if (json_is(item, "ByteLevel")) {
		*byte_level = true;
		return add_byte_level(src, item);
	}
	if (json_is(item, "Split"))
		return add_split(src, item);
	if (json_is(item, "Digits"))
		return token_source_split(src, json_is_set(item, "individual_digits") ?
					  DIGITS_SPLIT : DIGITS_SPLIT "+");
	if (json_is(item, "Metaspace"))
		return add_metaspace(src, item);
	if (json_is(item, "WhitespaceSplit") && !src->nr_splits)
		return add_step(src, &(struct norm_step){
			.kind = NORM_BLANKS, .phase = NORM_LATE });
	return fail(-ENOTSUP, "%s: the pre_tokenizer '%s' is not supported (ByteLevel, Split, "
		    "Digits, Metaspace and WhitespaceSplit are)", src->path, json_type(item));
}

int json_pre_tokenizer(struct token_source *src, const cJSON *root, bool *byte_level)
{
	const cJSON *all = json_get(root, "pre_tokenizer"), *list, *item;
	int ret;

	if (!json_is_set(root, "pre_tokenizer"))
		return 0;
	if (!json_is(all, "Sequence"))
		return add_pre_tokenizer(src, all, byte_level);
	ret = json_array(src->path, all, "pretokenizers", &list);
	if (ret)
		return ret;
	cJSON_ArrayForEach(item, list) {
		ret = add_pre_tokenizer(src, item, byte_level);
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- decoder -------------------------------------------------------------------------- */

static bool strips_space(const cJSON *item)
{
	const char *content = cJSON_GetStringValue(json_get(item, "content"));
	const char *scheme = cJSON_GetStringValue(json_get(item, "prepend_scheme"));
	const cJSON *old = json_get(item, "add_prefix_space");

	if (json_is(item, "Strip"))
		return content && !strcmp(content, " ") &&
		       cJSON_GetNumberValue(json_get(item, "start")) == 1;
	return json_is(item, "Metaspace") &&
	       !(scheme ? !strcmp(scheme, "never") : old && cJSON_IsFalse(old));
}

void json_decoder(struct token_source *src, const cJSON *root)
{
	const cJSON *all = json_get(root, "decoder"), *item;

	if (strips_space(all))
		src->strip_space = true;
	if (json_is(all, "Sequence"))
		cJSON_ArrayForEach(item, json_get(all, "decoders"))
			if (strips_space(item))
				src->strip_space = true;
}

/* ---- ours ------------------------------------------------------------------------------- */

static int own_id(struct token_source *src, const cJSON *own, const char *key, uint32_t *id)
{
	long long value;
	int ret;

	if (!json_get(own, key))
		return 0;
	ret = json_int(src->path, own, key, 0, TOKENS_MAX, &value);
	if (!ret)
		*id = value;
	return ret;
}

static int own_list(struct token_source *src, const cJSON *own, const char *key)
{
	const cJSON *list = json_get(own, key), *item;
	uint32_t id = 0;

	if (!list)
		return 0;
	if (!cJSON_IsArray(list) || (uint32_t)cJSON_GetArraySize(list) != src->vocab)
		return fail(-EINVAL, "%s: model.knlp.%s: not one number for each of %u tokens",
			    src->path, key, src->vocab);
	cJSON_ArrayForEach(item, list) {
		double value = cJSON_GetNumberValue(item);

		if (!cJSON_IsNumber(item) ||
		    (*key != 's' && !(value >= 0 && value <= 255 && value == (int)value)))
			return fail(-EINVAL, "%s: model.knlp.%s: not a number", src->path, key);
		if (*key == 's')
			src->tokens[id].score = value;
		else if (*key == 't')
			src->tokens[id].type = value;
		else
			src->tokens[id].flags = value;
		id++;
	}
	return 0;
}

static int own_steps(struct token_source *src, const cJSON *root, const cJSON *own)
{
	const cJSON *spaces = json_get(own, "spaces"), *item;
	long long prefix;
	bool merge;
	int ret;

	if (!spaces)
		return 0;
	ret = json_int(src->path, spaces, "prefix", SPACE_NEVER, SPACE_EACH, &prefix);
	if (!ret)
		ret = json_bool(src->path, spaces, "merge", &merge);
	if (ret)
		return ret;
	normalizer_free(src->normalizer);
	src->normalizer = NULL;
	src->nr_splits = 0;
	cJSON_ArrayForEach(item, json_get(json_get(root, "normalizer"), "normalizers"))
		if (!ret && json_is(item, "Precompiled"))
			ret = add_charsmap(src, item);
	return ret ? ret : add_step(src, &(struct norm_step){
		.kind = NORM_SPACES, .merge = merge, .right = json_is_set(spaces, "trim"),
		.prefix = prefix });
}

int json_own(struct token_source *src, const cJSON *root, const cJSON *model)
{
	const cJSON *own = json_get(model, "knlp");
	int ret;

	if (!own)
		return 0;
	if (json_get(own, "scores"))
		src->method = json_is(model, "BPE") ? METHOD_SCORE_BPE : METHOD_UNIGRAM;
	if (src->method == METHOD_SCORE_BPE)
		src->nr_merges = 0;
	ret = own_list(src, own, "scores");
	if (!ret)
		ret = own_list(src, own, "types");
	if (!ret)
		ret = own_list(src, own, "flags");
	if (!ret)
		ret = own_steps(src, root, own);
	if (!ret)
		ret = own_id(src, own, "eot", &src->eot);
	if (!ret)
		ret = own_id(src, own, "bos", &src->bos);
	if (!ret)
		ret = own_id(src, own, "eos", &src->eos);
	if (!ret)
		ret = own_id(src, own, "pad", &src->pad);
	if (!ret)
		ret = own_id(src, own, "unk", &src->unk);
	src->add_bos = json_is_set(own, "add_bos");
	src->add_eos = json_is_set(own, "add_eos");
	src->strip_space = json_is_set(own, "strip_space");
	src->raw_added = json_is_set(own, "raw_added");
	src->single = json_is_set(own, "single");
	return ret;
}
