// SPDX-License-Identifier: MIT
/*
 * Tokenizers of other programs, with the ids that those programs gave
 * (scripts/peers/golden_tokenizers.py), and their files, damaged.
 */

#include "base/rng.h"
#include "io/gguf.h"
#include "tests/unit/data-helper.h"

#define DIR	"tests/data/tokenizer/"

static struct tokenizer *open_tree(const char *name)
{
	char *path = tree_path(name);
	struct tokenizer *tok;

	check_ok(tokenizer_open(path, &tok));
	free(path);
	return tok;
}

static void check_line(struct tokenizer *tok, const char *name, long nr, char *line,
		       const struct encode_options *opt)
{
	char *want = strchr(line, '\t') + 1, *bytes = malloc(strlen(line)), *end;
	struct token_list list = { 0 };
	size_t len = unhex(line, bytes), i = 0;

	check_ok(tokenizer_encode_with(tok, bytes, len, opt, &list));
	for (; *want; want = end, i++) {
		unsigned long id = strtoul(want, &end, 10);

		if (end == want)
			break;
		if (i >= list.nr || list.ids[i] != id)
			ck_abort_msg("%s: case %ld, token %zu: %ld, not %lu", name, nr, i,
				     i < list.nr ? (long)list.ids[i] : -1, id);
	}
	ck_assert_msg(i == list.nr, "%s: case %ld: %zu tokens, not %zu", name, nr, list.nr, i);
	token_list_free(&list);
	free(bytes);
}

static void check_golden(struct tokenizer *tok, const char *name,
			 const struct encode_options *opt)
{
	char *path = str_printf("%s/" DIR "%s.golden", getenv("SRCTREE") ?: ".", name);
	char *golden, *rest, *line;
	size_t len;
	long nr = 0;

	check_ok(file_read_all(path, 1 << 24, &golden, &len));
	rest = golden;
	while ((line = strsep(&rest, "\n")) && *line)
		check_line(tok, name, ++nr, line, opt);
	ck_assert_int_gt(nr, 100);
	free(golden);
	free(path);
}

/* Through tokenizer.json and back: the same tokenizer. */
static void check_again(struct tokenizer *tok, const char *golden,
			const struct encode_options *opt)
{
	char *dir = scratch_make();
	struct tokenizer *again;
	struct strbuf sb;

	strbuf_init(&sb);
	tokenizer_describe(tok, &sb);
	check_ok(strbuf_ok(&sb));
	write_text(dir, TOKENIZER_FILE, sb.s);
	check_ok(tokenizer_load(dir, &again));
	ck_assert_str_eq(tokenizer_hash(again), tokenizer_hash(tok));
	ck_assert_uint_eq(tokenizer_bos(again), tokenizer_bos(tok));
	ck_assert_uint_eq(tokenizer_eos(again), tokenizer_eos(tok));
	ck_assert_uint_eq(tokenizer_unk(again), tokenizer_unk(tok));
	CHECK(tokenizer_adds_bos(again) == tokenizer_adds_bos(tok));
	CHECK(tokenizer_adds_eos(again) == tokenizer_adds_eos(tok));
	check_golden(again, golden, opt);
	strbuf_free(&sb);
	tokenizer_free(again);
	scratch_remove(dir);
}

static const struct encode_options plain;
static const struct encode_options parse = { .parse_special = true };
static const struct encode_options parse_add = { .parse_special = true, .add_special = true };

static void tokenizer_kinds_golden(void)
{
	static const struct {
		const char *file, *golden;
		const struct encode_options *opt;
	} cases[] = {
		{ "spm-bpe.model", "spm-bpe", &plain },
		{ "spm-bpe.bin", "spm-bpe", &plain },
		{ "spm-bpe.gguf", "spm-bpe.llama", &plain },
		{ "spm-bpe.gguf", "spm-bpe-special.llama", &parse_add },
		{ "spm-user.model", "spm-user", &plain },
		{ "spm-unigram.model", "spm-unigram", &plain },
		{ "spm-unigram.gguf", "spm-unigram.llama", &plain },
		{ "nfc.json", "nfc", &plain },
		{ "nfc.json", "nfc-special", &parse },
		{ "text.json", "text", &plain },
		{ "text.json", "text-special", &parse },
		{ "metaspace.json", "metaspace", &plain },
		{ "metaspace.json", "metaspace-special", &parse },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *name = str_printf(DIR "%s", cases[i].file);
		struct tokenizer *tok = open_tree(name);

		check_golden(tok, cases[i].golden, cases[i].opt);
		check_again(tok, cases[i].golden, cases[i].opt);
		tokenizer_free(tok);
		free(name);
	}
}
TEST_REGISTER(tokenizer_kinds_golden);

/* ---- GGUF ------------------------------------------------------------------------------ */

static bool key_is(const struct gguf_value *v, const char *key)
{
	return v->key.len == strlen(key) && !memcmp(v->key.bytes, key, v->key.len);
}

/* pre.gguf with another name for how text is cut, or without one. */
static void write_pre(const char *path, const char *pre)
{
	char *from = tree_path(DIR "pre.gguf");
	struct gguf_writer *w = gguf_writer_new();
	struct gguf *g;

	check_ok(gguf_open(from, &g));
	for (size_t i = 0; i < gguf_nr_values(g); i++)
		if (!key_is(gguf_value_at(g, i), "tokenizer.ggml.pre"))
			gguf_put_value(w, gguf_value_at(g, i));
	if (pre)
		gguf_put_string(w, "tokenizer.ggml.pre", pre, strlen(pre));
	check_ok(gguf_write(w, path));
	gguf_writer_free(w);
	gguf_close(g);
	free(from);
}

static void tokenizer_kinds_pre(void)
{
	static const char *const names[] = {
		"default", "gpt-2", "llama-bpe", "smaug-bpe", "qwen2", "qwen35", "smollm", "tekken",
		"gpt-4o", "falcon",
	};
	char *dir = scratch_make(), *path = path_join(dir, "x.gguf");
	struct tokenizer *tok;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *golden = str_printf("pre-%s", names[i]);

		write_pre(path, names[i]);
		check_ok(tokenizer_open(path, &tok));
		check_golden(tok, golden, &plain);
		check_again(tok, golden, &plain);
		tokenizer_free(tok);
		free(golden);
	}
	write_pre(path, NULL);
	check_ok(tokenizer_open(path, &tok));
	check_golden(tok, "pre-default", &plain);
	tokenizer_free(tok);
	write_pre(path, "starcoder");
	check_ok(tokenizer_open(path, &tok));
	check_golden(tok, "pre-smollm", &plain);
	tokenizer_free(tok);
	write_pre(path, "nonsense");
	check_fails(tokenizer_open(path, &tok), -ENOTSUP, "'nonsense' is not known");
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(tokenizer_kinds_pre);

/* What we write is what we read, and what llama.cpp would: its keys. */
static void to_gguf(const struct tokenizer *tok, const char *path)
{
	struct gguf_writer *w = gguf_writer_new();

	gguf_put_string(w, "general.architecture", "llama", 5);
	check_ok(tokenizer_to_gguf(tok, tokenizer_vocab(tok), w));
	check_ok(gguf_write(w, path));
	gguf_writer_free(w);
}

static void tokenizer_kinds_gguf(void)
{
	static const struct {
		const char *file, *golden;
	} cases[] = {
		{ "spm-bpe.model", "spm-bpe" }, { "spm-bpe.gguf", "spm-bpe.llama" },
		{ "spm-unigram.gguf", "spm-unigram.llama" }, { "text.json", "text" },
		{ "pre.gguf", "pre-default" }, { "small.json", "small" },
	};
	char *dir = scratch_make(), *path = path_join(dir, "x.gguf");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *name = str_printf(DIR "%s", cases[i].file);
		struct tokenizer *tok = open_tree(name), *again;

		to_gguf(tok, path);
		check_ok(tokenizer_open(path, &again));
		check_golden(again, cases[i].golden, &plain);
		ck_assert_uint_eq(tokenizer_eos(again), tokenizer_eos(tok));
		CHECK(tokenizer_adds_bos(again) == tokenizer_adds_bos(tok));
		tokenizer_free(again);
		tokenizer_free(tok);
		free(name);
	}
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(tokenizer_kinds_gguf);

/* Plain bytes, with more rows than tokens: the same ids, and names for the other rows. */
static void tokenizer_kinds_gguf_bytes(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "x.gguf"), text[256];
	struct gguf_writer *w = gguf_writer_new();
	struct token_list list = { 0 };
	struct tokenizer *tok;

	for (int i = 0; i < 256; i++)
		text[i] = (char)i;
	check_ok(tokenizer_open("byte", &tok));
	check_ok(tokenizer_to_gguf(tok, 300, w));
	check_ok(gguf_write(w, path));
	tokenizer_free(tok);
	check_ok(tokenizer_open(path, &tok));
	CHECK(tokenizer_vocab(tok) == 300 && tokenizer_eot(tok) == 256);
	CHECK(tokenizer_type(tok, 299) == TOKEN_UNUSED);
	check_ok(tokenizer_encode(tok, text, sizeof(text), &list));
	CHECK(list.nr == 256);
	for (uint32_t i = 0; i < 256; i++)
		CHECK(list.ids[i] == i);
	token_list_free(&list);
	tokenizer_free(tok);
	gguf_writer_free(w);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(tokenizer_kinds_gguf_bytes);

static void tokenizer_kinds_gguf_refused(void)
{
	struct gguf_writer *w = gguf_writer_new();
	struct tokenizer *tok;

	tok = open_tree(DIR "spm-user.model");
	check_fails(tokenizer_to_gguf(tok, tokenizer_vocab(tok), w), -ENOTSUP, "bytes only");
	tokenizer_free(tok);
	gguf_writer_free(w);
}
TEST_REGISTER(tokenizer_kinds_gguf_refused);

/* One value of spm-bpe.gguf changed, and what must be said. */
static void check_bad_gguf(const char *key, const struct gguf_value *v, const char *says)
{
	char *from = tree_path(DIR "spm-bpe.gguf"), *dir = scratch_make();
	char *path = path_join(dir, "bad.gguf");
	struct gguf_writer *w = gguf_writer_new();
	struct tokenizer *tok;
	struct gguf *g;

	check_ok(gguf_open(from, &g));
	for (size_t i = 0; i < gguf_nr_values(g); i++)
		if (!key_is(gguf_value_at(g, i), key))
			gguf_put_value(w, gguf_value_at(g, i));
	if (v)
		gguf_put_value(w, v);
	check_ok(gguf_write(w, path));
	CHECK(tokenizer_open(path, &tok) < 0);
	CHECK(message_has(says));
	CHECK(message_has("bad.gguf"));
	gguf_writer_free(w);
	gguf_close(g);
	free(path);
	free(from);
	scratch_remove(dir);
}

static void tokenizer_kinds_bad_gguf(void)
{
	static const float nan3[3] = { 0.0f / 0.0f, 1, 2 };
	struct gguf_value scores = {
		.key = { "tokenizer.ggml.scores", 21 }, .type = GGUF_ARRAY, .item = GGUF_F32,
		.nr = 3, .data = (const unsigned char *)nan3, .bytes = sizeof(nan3),
	};
	float *many = calloc(600, sizeof(*many));

	check_bad_gguf("tokenizer.ggml.model", NULL, "tokenizer.ggml.model");
	check_bad_gguf("tokenizer.ggml.tokens", NULL, "tokenizer.ggml.tokens");
	check_bad_gguf("tokenizer.ggml.scores", &scores, "3 items for 600 tokens");
	many[5] = nan3[0];
	scores.data = (const unsigned char *)many;
	scores.nr = 600;
	scores.bytes = 600 * sizeof(*many);
	check_bad_gguf("tokenizer.ggml.scores", &scores, "score of token 5");
	free(many);
}
TEST_REGISTER(tokenizer_kinds_bad_gguf);

/* ---- text and special tokens --------------------------------------------------------------- */

static void check_text(struct tokenizer *tok, const char *text, size_t len)
{
	struct token_list list = { 0 };
	struct strbuf sb;

	strbuf_init(&sb);
	check_ok(tokenizer_encode(tok, text, len, &list));
	check_ok(tokenizer_text(tok, list.ids, list.nr, false, &sb));
	ck_assert_uint_eq(sb.len, len);
	ck_assert_int_eq(memcmp(sb.s, text, len), 0);
	strbuf_free(&sb);
	token_list_free(&list);
}

static void tokenizer_kinds_lossless(void)
{
	static const char *const files[] = {
		DIR "spm-bpe.model", DIR "spm-bpe.gguf", DIR "pre.gguf",
	};
	struct rng r = rng_stream(1, "test/kinds", 0);
	size_t len = 1 << 16;
	char *text = malloc(len);

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct tokenizer *tok = open_tree(files[i]);

		check_text(tok, " a  b </s> <s>", 14);
		check_text(tok, "", 0);
		for (size_t k = 0; k < len; k++)
			text[k] = (rng_u32(&r, k) & 0xff) ?: 1;
		/* Documentation/formats/tokenizers.md says why not. */
		for (size_t k = 0; k < len; k++)
			text[k] = text[k] == ' ' ? 'x' : text[k];
		check_text(tok, text, len);
		for (size_t k = 0; k < len; k++)
			text[k] = rng_below(&r, k, 9) ? 'a' + rng_u32(&r, k) % 26 : ' ';
		check_text(tok, text, len);
		/* Nothing may be quadratic. */
		memset(text, 'e', len);
		check_text(tok, text, len);
		memset(text, ' ', len);
		check_text(tok, text, len);
		tokenizer_free(tok);
	}
	free(text);
}
TEST_REGISTER(tokenizer_kinds_lossless);

static void tokenizer_kinds_special(void)
{
	struct tokenizer *tok = open_tree(DIR "spm-bpe.gguf");
	struct token_list list = { 0 };

	ck_assert_uint_eq(tokenizer_bos(tok), 1);
	ck_assert_uint_eq(tokenizer_eos(tok), 2);
	ck_assert_uint_eq(tokenizer_unk(tok), 0);
	ck_assert_uint_eq(tokenizer_find(tok, "</s>", 4), 2);
	ck_assert_uint_eq(tokenizer_find(tok, "the", 3), TOKEN_NONE);
	CHECK(tokenizer_ends(tok, 2) && !tokenizer_ends(tok, 1) && !tokenizer_ends(tok, 300));
	CHECK(tokenizer_adds_bos(tok) && !tokenizer_adds_eos(tok));
	ck_assert_int_eq(tokenizer_type(tok, 3 + 65), TOKEN_BYTE);
	check_ok(tokenizer_encode(tok, "</s>", 4, &list));
	for (size_t i = 0; i < list.nr; i++)
		CHECK(!tokenizer_is_special(tok, list.ids[i]));
	list.nr = 0;
	check_ok(tokenizer_encode_with(tok, "</s>", 4, &parse_add, &list));
	ck_assert_uint_eq(list.nr, 2);
	CHECK(list.ids[0] == 1 && list.ids[1] == 2);
	token_list_free(&list);
	tokenizer_free(tok);
}
TEST_REGISTER(tokenizer_kinds_special);

static int count_flush(struct token_list *list)
{
	*(size_t *)list->ctx += list->nr;
	list->nr = 0;
	return 0;
}

/* Ids handed over on the way are the same number as all at once. */
static void tokenizer_kinds_flush(void)
{
	static const char *const files[] = {
		DIR "spm-user.model", DIR "spm-bpe.model", DIR "pre.gguf",
	};
	static const char part[] = "\xe4\xb8\xad\xe4\xb8\xad ab ";

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct tokenizer *tok = open_tree(files[i]);
		struct token_list all = { 0 }, some;
		size_t nr = 0, len = 1 << 20;
		char *text = malloc(len);

		for (size_t k = 0; k < len; k++)
			text[k] = part[k % (sizeof(part) - 1)];
		some = (struct token_list){ .flush = count_flush, .ctx = &nr };
		check_ok(tokenizer_encode(tok, text, len, &all));
		check_ok(tokenizer_encode(tok, text, len, &some));
		CHECK(nr > 0);
		ck_assert_uint_eq(nr + some.nr, all.nr);
		token_list_free(&all);
		token_list_free(&some);
		free(text);
		tokenizer_free(tok);
	}
}
TEST_REGISTER(tokenizer_kinds_flush);

/* The vectors that llama.cpp keeps with its vocabularies, where the development data are. */
static void check_vectors(const char *name)
{
	static const char mark[] = "\n__ggml_vocab_test__\n";
	char *gguf = str_printf("tokenizers/gguf-vocab/ggml-vocab-%s.gguf", name);
	char *path = dev_path(gguf), *in_path, *out_path, *in, *out, *at, *end;
	struct tokenizer *tok;
	size_t len, n;
	long nr = 0;

	free(gguf);
	if (!path)
		return;
	in_path = str_printf("%s.inp", path);
	out_path = str_printf("%s.out", path);
	check_ok(tokenizer_open(path, &tok));
	check_ok(file_read_all(in_path, 1 << 20, &in, &len));
	check_ok(file_read_all(out_path, 1 << 20, &out, &n));
	for (at = in, end = out; (gguf = memmem(at, in + len - at, mark, sizeof(mark) - 1)); nr++) {
		struct token_list list = { 0 };

		check_ok(tokenizer_encode(tok, at, gguf - at, &list));
		for (size_t i = 0; i < list.nr; i++)
			ck_assert_uint_eq(strtoul(end, &end, 10), list.ids[i]);
		end += strspn(end, " ");
		ck_assert_msg(*end++ == '\n', "%s: vector %ld: more tokens", name, nr);
		at = gguf + sizeof(mark) - 1;
		token_list_free(&list);
	}
	ck_assert_int_eq(nr, 46);
	tokenizer_free(tok);
	free(in);
	free(out);
	free(in_path);
	free(out_path);
	free(path);
}

static void tokenizer_kinds_vectors(void)
{
	check_vectors("gpt-2");
	check_vectors("llama-spm");
	check_vectors("phi-3");
}
TEST_REGISTER(tokenizer_kinds_vectors);

/* A folder as transformers has it. */
static void tokenizer_kinds_config(void)
{
	static const char config[] = "{\"bos_token\": {\"content\": \"<|im_start|>\"}, "
		"\"eos_token\": \"<|im_end|>\", \"pad_token\": null, \"unk_token\": \"?\", "
		"\"add_bos_token\": true}";
	char *from = tree_path(DIR "nfc.json"), *dir = scratch_make(), *text;
	struct tokenizer *plain_tok = open_tree(DIR "nfc.json"), *tok;
	struct token_list list = { 0 };
	struct strbuf sb;
	size_t len;

	check_ok(file_read_all(from, 1 << 24, &text, &len));
	write_text(dir, TOKENIZER_FILE, text);
	write_text(dir, TOKENIZER_CONFIG, config);
	check_ok(tokenizer_open(dir, &tok));
	ck_assert_uint_eq(tokenizer_bos(tok), tokenizer_find(tok, "<|im_start|>", 12));
	ck_assert_uint_eq(tokenizer_eos(tok), tokenizer_find(tok, "<|im_end|>", 10));
	ck_assert_uint_eq(tokenizer_pad(tok), TOKEN_NONE);
	CHECK(tokenizer_adds_bos(tok) && !tokenizer_adds_eos(tok));
	ck_assert_str_eq(tokenizer_hash(tok), tokenizer_hash(plain_tok));
	check_ok(tokenizer_encode_with(tok, "", 0, &parse_add, &list));
	CHECK(list.nr == 1 && list.ids[0] == tokenizer_bos(tok));
	strbuf_init(&sb);
	tokenizer_config_json(tok, "{{ \"x\" }}\n", &sb);
	tokenizer_free(tok);
	write_text(dir, TOKENIZER_CONFIG, sb.s);
	check_ok(tokenizer_open(dir, &tok));
	CHECK(tokenizer_adds_bos(tok) && tokenizer_eos(tok) != tokenizer_eot(tok));
	CHECK(strstr(sb.s, "{{ \\\"x\\\" }}\\u000a"));
	tokenizer_free(tok);
	write_text(dir, TOKENIZER_CONFIG, "{");
	check_fails(tokenizer_open(dir, &tok), -EINVAL, TOKENIZER_CONFIG);
	CHECK(!tok);	/* who opened it frees what is there, after an error too */
	tokenizer_free(plain_tok);
	token_list_free(&list);
	strbuf_free(&sb);
	free(text);
	free(from);
	scratch_remove(dir);
}
TEST_REGISTER(tokenizer_kinds_config);

/* ---- the same tokenizer in two formats ---------------------------------------------------- */

static void check_same(const char *file, const char *other, bool same_hash, bool same)
{
	struct tokenizer *a = open_tree(file), *b = open_tree(other);

	CHECK(!strcmp(tokenizer_hash(a), tokenizer_hash(b)) == same_hash);
	ck_assert_msg(tokenizer_same(a, b) == same, "%s, %s", file, other);
	CHECK(tokenizer_same(b, a) == same);
	tokenizer_free(a);
	tokenizer_free(b);
}

/* The first two merges change places. */
static void check_other_merges(void)
{
	struct tokenizer *a = open_tree(DIR "text.json"), *b = open_tree(DIR "text.json");
	struct token_merge first = b->merges[0];

	strcpy(b->hash, "another");
	CHECK(tokenizer_same(a, b));
	b->merges[0] = b->merges[1];
	b->merges[1] = first;
	CHECK(!tokenizer_same(a, b));
	tokenizer_free(a);
	tokenizer_free(b);
}

static void tokenizer_kinds_same(void)
{
	check_same(DIR "spm-bpe.model", DIR "spm-bpe.gguf", true, true);
	check_same(DIR "spm-unigram.model", DIR "spm-unigram.gguf", false, true);
	check_same(DIR "spm-unigram.model", DIR "spm-bpe.model", false, false);
	check_same(DIR "spm-bpe.model", DIR "spm-user.model", false, false);
	check_same(DIR "split.json", DIR "nfc.json", false, false);
	check_other_merges();
}
TEST_REGISTER(tokenizer_kinds_same);

/* What a damaged file is called is what its name says that it was. */
static void tokenizer_kinds_by_name(void)
{
	static const struct {
		const char *from, *name;
		int cut;		/* bytes off the end; -1: all */
		const char *message;	/* NULL: it is read */
	} rows[] = {
		{ DIR "spm-bpe.model", "x.model", 0, NULL },
		{ DIR "spm-bpe.model", "x", 0, NULL },
		{ DIR "nfc.json", "x.model", 0, NULL },
		{ DIR "nfc.json", "x.bin", 0, NULL },
		{ DIR "spm-bpe.gguf", "x.bin", 0, NULL },
		{ DIR "spm-bpe.model", "x.model", -1, "x.model: damaged, or no model of Sent" },
		{ DIR "spm-bpe.model", "x.model", 1, "x.model: damaged, or no model of Sent" },
		{ DIR "corpus.txt", "x.model", 0, "x.model: damaged, or no model of Sent" },
		{ "tests/fuzz/corpus/tokenizer_llama2c/small.bin", "x.bin", 0, NULL },
		{ "tests/fuzz/corpus/tokenizer_llama2c/small.bin", "x.bin", 1,
		  "x.bin: damaged, or no tokenizer.bin" },
		{ DIR "corpus.txt", "x.bin", 0, "x.bin: damaged, or no tokenizer.bin" },
		{ DIR "corpus.txt", "x", 0, "x: no tokenizer of this program reads it" },
	};
	char *dir = scratch_make();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *from = tree_path(rows[i].from), *path = path_join(dir, rows[i].name), *bytes;
		struct tokenizer *tok;
		size_t len;
		int ret;

		check_ok(file_read_all(from, 1 << 24, &bytes, &len));
		write_raw(path, bytes, rows[i].cut < 0 ? 0 : len - rows[i].cut);
		ret = tokenizer_open(path, &tok);
		if (!rows[i].message)
			ck_assert_msg(!ret, "row %zu: %s", i, fail_message());
		else
			ck_assert_msg(ret == -EINVAL && strstr(fail_message(), rows[i].message) &&
				      !strstr(fail_message(), "CONFIG_"), "row %zu: %d, not '%s': "
				      "%s", i, ret, rows[i].message, fail_message());
		if (!ret)
			tokenizer_free(tok);
		free(bytes);
		free(path);
		free(from);
	}
	scratch_remove(dir);
}
TEST_REGISTER(tokenizer_kinds_by_name);

/* ---- damaged files ------------------------------------------------------------------------ */

static void try_bytes(const char *path, const char *bytes, size_t len)
{
	struct token_list list = { 0 };
	struct tokenizer *tok;

	write_raw(path, bytes, len);
	fail_clear();
	if (tokenizer_open(path, &tok)) {
		CHECK(fail_message()[0]);
		return;
	}
	tokenizer_encode(tok, "the \xe2\x96\x81 wire\n 12", 16, &list);
	token_list_free(&list);
	tokenizer_free(tok);
}

static void tokenizer_kinds_damaged(void)
{
	static const char *const files[] = {
		DIR "spm-bpe.model", DIR "spm-unigram.model", DIR "spm-user.model",
		DIR "spm-bpe.gguf", DIR "spm-unigram.gguf", DIR "nfc.json",
	};
	char *dir = scratch_make(), *bad = path_join(dir, "bad");
	struct rng r = rng_stream(2, "test/damage", 0);

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *path = tree_path(files[i]), *bytes;
		size_t len;

		check_ok(file_read_all(path, 1 << 24, &bytes, &len));
		for (size_t k = 0; k < 40; k++)
			try_bytes(bad, bytes, len * k / 40);
		for (size_t k = 0; k < 200; k++) {
			size_t at = rng_below(&r, 2 * k, len);
			char was = bytes[at];

			bytes[at] ^= 1 << rng_below(&r, 2 * k + 1, 8);
			try_bytes(bad, bytes, len);
			bytes[at] = was;
		}
		free(bytes);
		free(path);
	}
	free(bad);
	scratch_remove(dir);
}
TEST_REGISTER(tokenizer_kinds_damaged);
