// SPDX-License-Identifier: MIT
/* The tokenizer in a GGUF file, with llama.cpp's defaults (llama-vocab.cpp). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/marks.h"
#include "data/normalizer.h"
#include "data/pre-tokenizers.h"
#include "data/token-source.h"
#include "io/gguf.h"

#define KEY(name)	"tokenizer.ggml." name

static const struct tokenizer_kind gguf;

static bool string_is(struct gguf_string s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.bytes, text, s.len);
}

static int read_pre(struct token_source *src, const struct gguf *g)
{
	struct gguf_string name = { "default", 7 };
	const struct pre_tokenizer *pre;
	int ret = gguf_has(g, KEY("pre")) ? gguf_string(g, KEY("pre"), &name) : 0;

	if (ret)
		return ret;
	pre = pre_tokenizer_find(name.bytes, name.len);
	if (!pre)
		return fail(-ENOTSUP, "%s: %s: '%.*s' is not known", src->path, KEY("pre"),
			    (int)(name.len < 80 ? name.len : 80), name.bytes);
	for (int i = 0; pre->splits[i] && !ret; i++)
		ret = token_source_split(src, pre->splits[i]);
	src->ignore_merges = pre->ignore_merges;
	src->add_bos = pre->add_bos;
	return ret;
}

static int read_method(struct token_source *src, const struct gguf *g)
{
	struct gguf_string model;
	int ret = gguf_string(g, KEY("model"), &model);

	if (ret)
		return ret;
	if (string_is(model, "gpt2")) {
		src->method = METHOD_BYTE_BPE;
		return read_pre(src, g);
	}
	src->byte_fallback = true;
	if (string_is(model, "llama")) {
		src->method = METHOD_SCORE_BPE;
		src->add_bos = true;
	} else if (string_is(model, "t5")) {
		src->method = METHOD_UNIGRAM;
		src->byte_fallback = false;
		src->add_eos = true;
	} else {
		return fail(-ENOTSUP, "%s: %s: '%.*s' is not supported (gpt2, llama and t5 are)",
			    src->path, KEY("model"), (int)(model.len < 80 ? model.len : 80),
			    model.bytes);
	}
	src->fuse_unk = true;
	return 0;
}

/* ---- tokens -------------------------------------------------------------------------- */

static int read_texts(struct token_source *src, const struct gguf_value *tokens, char *names)
{
	int ret = 0;

	for (uint32_t id = 0; id < src->vocab && !ret; id++) {
		struct gguf_string s = gguf_item_string(tokens, id);

		if (!s.len) {	/* llama.cpp's name for one without a text */
			s.bytes = names;
			s.len = sprintf(names, "[EMPTY_%u]", id);
			names += s.len + 1;
		}
		ret = token_source_put(src, id, s.bytes, s.len);
	}
	return ret;
}

static size_t count_empty(const struct gguf_value *tokens)
{
	size_t nr = 0;

	for (uint64_t i = 0; i < tokens->nr; i++)
		nr += !gguf_item_string(tokens, i).len;
	return nr;
}

static int read_array(const struct token_source *src, const struct gguf *g, const char *key,
		      enum gguf_type type, const struct gguf_value **value)
{
	int ret;

	*value = NULL;
	if (!gguf_has(g, key))
		return 0;
	ret = gguf_array(g, key, type, value);
	if (!ret && (*value)->nr < src->vocab)
		ret = fail(-EINVAL, "%s: %s: %llu items for %u tokens", src->path, key,
			   (unsigned long long)(*value)->nr, src->vocab);
	return ret;
}

/* Names that are special to llama.cpp, whatever the file says of them. */
static bool looks_special(const struct token_def *t)
{
	static const char *const names[] = {
		"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", TOKENIZER_EOT,
		"<|end_of_text|>", "<EOT>", "<|eom_id|>", "</s>", "<eos>", "<|return|>",
		"<|call|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|fim_pad|>",
		"<|fim_repo|>", "<|repo_name|>", "<|file_sep|>", "<fim_prefix>", "<fim_suffix>",
		"<fim_middle>", "<fim_pad>", "<fim-prefix>", "<fim-suffix>", "<fim-middle>",
		"<fim-pad>", "<reponame>",
	};

	for (size_t i = 0; *t->text == '<' && i < sizeof(names) / sizeof(names[0]); i++)
		if (t->len == strlen(names[i]) && !memcmp(t->text, names[i], t->len))
			return true;
	return false;
}

static int read_tokens(struct token_source *src, const struct gguf *g,
		       const struct gguf_value *tokens, char *names)
{
	const struct gguf_value *types, *scores;
	int ret = read_texts(src, tokens, names);

	if (!ret)
		ret = read_array(src, g, KEY("token_type"), GGUF_I32, &types);
	if (!ret)
		ret = read_array(src, g, KEY("scores"), GGUF_F32, &scores);
	for (uint32_t id = 0; id < src->vocab && !ret; id++) {
		struct token_def *t = &src->tokens[id];
		int64_t type = types ? gguf_item_int(types, id) : TOKEN_NORMAL;

		t->type = type >= TOKEN_NORMAL && type <= TOKEN_BYTE ? type : TOKEN_UNUSED;
		if (looks_special(t) && t->type != TOKEN_UNKNOWN)
			t->type = TOKEN_CONTROL;
		t->score = scores ? gguf_item_float(scores, id) : 0;
	}
	return ret;
}

static int read_merges(struct token_source *src, const struct gguf_value *merges)
{
	for (uint32_t i = 0; i < src->nr_merges; i++) {
		struct gguf_string s = gguf_item_string(merges, i);
		const char *space = s.len > 1 ? memchr(s.bytes + 1, ' ', s.len - 1) : NULL;

		if (!space || space + 1 == s.bytes + s.len)
			return fail(-EINVAL, "%s: %s: merge %u is not two tokens", src->path,
				    KEY("merges"), i);
		src->merges[i] = (struct token_pair){
			.left = s.bytes, .left_len = space - s.bytes,
			.right = space + 1, .right_len = s.bytes + s.len - space - 1,
		};
	}
	return 0;
}

/* ---- special ids and flags --------------------------------------------------------- */

/* Like llama.cpp, leave the default where the number is none of the tokens. */
static int read_id(struct token_source *src, const struct gguf *g, const char *key,
		   uint32_t *id, uint32_t otherwise)
{
	int64_t value;
	int ret;

	*id = otherwise < src->vocab ? otherwise : TOKEN_NONE;
	if (!gguf_has(g, key))
		return 0;
	ret = gguf_int(g, key, INT64_MIN, INT64_MAX, &value);
	if (!ret && value >= 0 && value < src->vocab)
		*id = value;
	return ret;
}

static int read_ids(struct token_source *src, const struct gguf *g)
{
	static const uint32_t defaults[][4] = {	/* BOS, EOS, unknown, padding */
		[METHOD_BYTE_BPE] = { TOKEN_NONE, TOKEN_NONE, TOKEN_NONE, TOKEN_NONE },
		[METHOD_SCORE_BPE] = { 1, 2, 0, TOKEN_NONE },
		[METHOD_UNIGRAM] = { TOKEN_NONE, 1, 2, 0 },
	};
	const uint32_t *ids = defaults[src->method];
	int ret = read_id(src, g, KEY("bos_token_id"), &src->bos, ids[0]);

	if (!ret)
		ret = read_id(src, g, KEY("eos_token_id"), &src->eos, ids[1]);
	if (!ret)
		ret = read_id(src, g, KEY("unknown_token_id"), &src->unk, ids[2]);
	if (!ret)
		ret = read_id(src, g, KEY("padding_token_id"), &src->pad, ids[3]);
	return ret;
}

static int read_flag(const struct gguf *g, const char *key, bool *flag)
{
	return gguf_has(g, key) ? gguf_bool(g, key, flag) : 0;
}

/* Phi-3's special tokens take the blanks behind them; no key says so. */
static void read_phi3(struct token_source *src, const struct gguf *g)
{
	const struct gguf_value *v = gguf_has(g, "general.name");
	char name[64] = "";
	struct gguf_string s;

	if (!v || v->type != GGUF_STRING || gguf_string(g, "general.name", &s))
		return;
	for (size_t i = 0; i < s.len && i + 1 < sizeof(name); i++)
		name[i] = tolower((unsigned char)s.bytes[i]);
	if (!strstr(name, "phi-3") && !strstr(name, "phi3"))
		return;
	for (uint32_t id = 0; id < src->vocab; id++) {
		struct token_def *t = &src->tokens[id];

		if (t->type != TOKEN_CONTROL && t->type != TOKEN_UNKNOWN &&
		    t->type != TOKEN_USER_DEFINED)
			continue;
		if (!(t->len == 5 && !memcmp(t->text, "<unk>", 5)) &&
		    !(t->len == 3 && !memcmp(t->text, "<s>", 3)) &&
		    !(t->len == 13 && !memcmp(t->text, TOKENIZER_EOT, 13)))
			t->flags |= MARK_RSTRIP;
	}
}

static int add_spaces(struct token_source *src, bool prefix, bool merge)
{
	int ret = 0;

	if (merge || (src->method == METHOD_UNIGRAM && prefix))
		return normalizer_add(src->path, &src->normalizer, &(struct norm_step){
			.kind = NORM_SPACES, .merge = merge,
			.prefix = prefix ? SPACE_EACH : SPACE_NEVER });
	if (prefix)
		ret = normalizer_add(src->path, &src->normalizer, &(struct norm_step){
			.kind = NORM_PREPEND, .to = SPACE_SYMBOL, .to_len = strlen(SPACE_SYMBOL) });
	return ret ? ret : normalizer_add(src->path, &src->normalizer, &(struct norm_step){
		.kind = NORM_REPLACE, .from = " ", .from_len = 1, .to = SPACE_SYMBOL,
		.to_len = strlen(SPACE_SYMBOL) });
}

static int read_spaces(struct token_source *src, const struct gguf *g)
{
	const struct gguf_value *map = gguf_has(g, KEY("precompiled_charsmap"));
	bool prefix = src->method == METHOD_SCORE_BPE, merge = false;
	int ret = read_flag(g, KEY("add_space_prefix"), &prefix);

	if (!ret)
		ret = read_flag(g, KEY("remove_extra_whitespaces"), &merge);
	if (ret || src->method == METHOD_BYTE_BPE)
		return ret;
	if (map && (map->type != GGUF_ARRAY || (map->item != GGUF_U8 && map->item != GGUF_I8)))
		return fail(-EINVAL, "%s: %s: not bytes", src->path, KEY("precompiled_charsmap"));
	if (map && src->method == METHOD_UNIGRAM)
		ret = normalizer_add(src->path, &src->normalizer, &(struct norm_step){
			.kind = NORM_CHARSMAP, .from = (const char *)map->data,
			.from_len = map->bytes });
	src->strip_space = prefix;
	return ret ? ret : add_spaces(src, prefix, merge && src->method == METHOD_UNIGRAM);
}

/* ---- the whole ------------------------------------------------------------------------ */

static int read_rest(struct token_source *src, const struct gguf *g,
		     const struct gguf_value *tokens, const struct gguf_value *merges,
		     char *names)
{
	int ret = read_tokens(src, g, tokens, names);
	if (!ret && merges)
		ret = read_merges(src, merges);
	if (!ret)
		ret = read_ids(src, g);
	if (!ret)
		ret = read_flag(g, KEY("add_bos_token"), &src->add_bos);
	if (!ret)
		ret = read_flag(g, KEY("add_eos_token"), &src->add_eos);
	if (!ret)
		ret = read_spaces(src, g);
	if (!ret)
		read_phi3(src, g);
	return ret;
}

/* The names must live until the tokenizer is made. */
static int read_all(struct token_source *src, const struct gguf *g, struct tokenizer **tok)
{
	const struct gguf_value *tokens, *merges = NULL;
	size_t empty;
	char *names;
	int ret = read_method(src, g);

	if (!ret)
		ret = gguf_array(g, KEY("tokens"), GGUF_STRING, &tokens);
	if (!ret && src->method == METHOD_BYTE_BPE)
		ret = gguf_array(g, KEY("merges"), GGUF_STRING, &merges);
	if (!ret)
		ret = token_source_alloc(src, tokens->nr, merges ? merges->nr : 0);
	if (ret)
		return ret;
	empty = count_empty(tokens);
	names = malloc(empty * 24 + 1);
	if (!names)
		return fail_nomem(empty * 24, "a vocabulary");
	ret = read_rest(src, g, tokens, merges, names);
	if (!ret)
		ret = token_source_make(&gguf, src, tok);
	free(names);
	return ret;
}

int tokenizer_from_gguf(const struct gguf *g, struct tokenizer **tok)
{
	struct token_source src = {
		.path = gguf_path(g), .merges_path = gguf_path(g), .raw_added = true,
	};
	int ret = read_all(&src, g, tok);

	token_source_free(&src);
	return ret;
}

static int gguf_kind_open(const char *arg, struct tokenizer **tok)
{
	struct gguf *g;
	int ret;

	if (!arg || !*arg)
		return fail(-EINVAL, "tokenizer 'gguf': name the GGUF file");
	ret = gguf_open(arg, &g);
	if (ret)
		return ret;
	ret = tokenizer_from_gguf(g, tok);
	gguf_close(g);
	return ret;
}

static const struct tokenizer_kind gguf = {
	.name = "gguf",
	.help = "FILE: the tokenizer in a GGUF file",
	.open = gguf_kind_open,
	.encode = tokenizer_run,
	.release = tokenizer_release,
};
TOKENIZER_REGISTER(gguf);
