// SPDX-License-Identifier: MIT
/* BPE against Hugging Face's ids, and its readers against bad files. */

#include "base/rng.h"
#include "tests/unit/data-helper.h"

static struct tokenizer *open_tree(const char *spec_prefix, const char *name)
{
	char *path = tree_path(name), *spec = str_printf("%s%s", spec_prefix, path);
	struct tokenizer *tok;

	check_ok(tokenizer_open(spec, &tok));
	free(spec);
	free(path);
	return tok;
}

static void check_ids(struct tokenizer *tok, const char *text, size_t len, const char *want,
		      long line)
{
	struct token_list list = { 0 };
	size_t i = 0;
	char *end;

	check_ok(tokenizer_encode(tok, text, len, &list));
	for (; *want; want = end) {
		unsigned long id = strtoul(want, &end, 10);

		if (end == want)
			break;
		if (i >= list.nr || list.ids[i] != id)
			ck_abort_msg("case %ld, token %zu: not %lu", line, i, id);
		i++;
	}
	ck_assert_msg(i == list.nr, "case %ld: %zu tokens, not %zu", line, list.nr, i);
	token_list_free(&list);
	check_lossless(tok, text, len);
}

static void check_golden(struct tokenizer *tok, const char *name)
{
	char *path = tree_path(name), *golden, *bytes, *rest, *line;
	size_t len;
	long nr = 0;

	check_ok(file_read_all(path, 1 << 24, &golden, &len));
	bytes = malloc(len);
	rest = golden;
	while ((line = strsep(&rest, "\n")) && *line) {
		char *tab = strchr(line, '\t');

		ck_assert_ptr_nonnull(tab);
		check_ids(tok, bytes, unhex(line, bytes), tab + 1, ++nr);
	}
	ck_assert_int_gt(nr, 100);
	free(bytes);
	free(golden);
	free(path);
}

static void bpe_golden(void)
{
	struct tokenizer *tok = open_tree("", "tests/data/tokenizer/small.json");

	ck_assert_uint_eq(tokenizer_vocab(tok), 500);
	check_golden(tok, "tests/data/tokenizer/small.golden");
	tokenizer_free(tok);
	tok = open_tree("", "tests/data/tokenizer/split.json");
	check_golden(tok, "tests/data/tokenizer/split.golden");
	tokenizer_free(tok);
}
TEST_REGISTER(bpe_golden);

/* One tokenizer, whatever files it comes from and goes through. */
static void bpe_same_contents(void)
{
	struct tokenizer *a = open_tree("", "tests/data/tokenizer/small.json"), *c;
	struct tokenizer *b = open_tree("gpt2:", "tests/data/tokenizer");
	struct tokenizer *d = open_tree("json:", "tests/data/tokenizer/split.json");
	char *dir = scratch_make();
	struct strbuf sb;

	ck_assert_str_eq(tokenizer_hash(a), tokenizer_hash(b));
	ck_assert_str_eq(tokenizer_name(a), tokenizer_name(b));
	CHECK(strcmp(tokenizer_hash(a), tokenizer_hash(d)));
	check_golden(b, "tests/data/tokenizer/small.golden");
	check_ok(tokenizer_save(b, dir));
	check_ok(tokenizer_load(dir, &c));
	ck_assert_str_eq(tokenizer_hash(a), tokenizer_hash(c));
	tokenizer_free(c);
	/* Another pattern and ignore_merges survive being written by us as well. */
	strbuf_init(&sb);
	tokenizer_describe(d, &sb);
	write_text(dir, TOKENIZER_FILE, sb.s);
	check_ok(tokenizer_load(dir, &c));
	ck_assert_str_eq(tokenizer_hash(d), tokenizer_hash(c));
	strbuf_free(&sb);
	tokenizer_free(a);
	tokenizer_free(b);
	tokenizer_free(c);
	tokenizer_free(d);
	scratch_remove(dir);
}
TEST_REGISTER(bpe_same_contents);

static void bpe_spelling(void)
{
	struct tokenizer *tok = open_tree("", "tests/data/tokenizer/small.json");
	const struct token_merge *merges;
	struct strbuf sb;
	uint32_t nr;

	merges = tokenizer_merges(tok, &nr);
	ck_assert_uint_eq(nr, 500 - 257);
	strbuf_init(&sb);
	tokenizer_spelling(tok, tokenizer_eot(tok), &sb);
	ck_assert_str_eq(sb.s, TOKENIZER_EOT);
	for (uint32_t i = 0; i < nr; i++) {
		struct strbuf whole;

		strbuf_clear(&sb);
		tokenizer_spelling(tok, merges[i].left, &sb);
		tokenizer_spelling(tok, merges[i].right, &sb);
		strbuf_init(&whole);
		tokenizer_spelling(tok, merges[i].result, &whole);
		ck_assert_str_eq(sb.s, whole.s);
		strbuf_free(&whole);
	}
	strbuf_free(&sb);
	tokenizer_free(tok);
}
TEST_REGISTER(bpe_spelling);

static void bpe_any_bytes(void)
{
	struct tokenizer *tok = open_tree("", "tests/data/tokenizer/small.json");
	struct rng r = rng_stream(1, "test/bytes", 0);
	size_t len = 3 << 20;
	char *text = malloc(len);

	for (size_t i = 0; i < 100000; i++)
		text[i] = rng_u32(&r, i) & 0xff;
	check_lossless(tok, text, 100000);
	for (size_t i = 0; i < 100000; i++)	/* mostly text, some of it broken */
		text[i] = rng_below(&r, i, 20) ? 'a' + text[i] % 26 : text[i];
	check_lossless(tok, text, 100000);
	check_lossless(tok, "ok\xe2\x82", 4);
	check_lossless(tok, "\xe2\x82\xac\xe2\x82 \xac", 7);
	/* A word longer than any real one: time must not be quadratic. */
	memset(text, 'e', len);
	check_lossless(tok, text, len);
	memset(text, 0, len);
	check_lossless(tok, text, len);
	memset(text, 0xc3, len);
	check_lossless(tok, text, len);
	free(text);
	tokenizer_free(tok);
}
TEST_REGISTER(bpe_any_bytes);

/* small.json with one change each, and what must be said. */
static const struct {
	const char *from, *to, *says;
} bad_files[] = {
	{ "\"type\": \"BPE\"", "\"type\": \"WordPiece\"", "type BPE" },
	{ "\"byte_fallback\": false", "\"byte_fallback\": true", "byte_fallback" },
	{ "\"single_word\": false", "\"single_word\": true", "single_word" },
	{ "\"dropout\": null", "\"dropout\": 0.1", "dropout" },
	{ "\"normalizer\": null", "\"normalizer\": {\"type\": \"NFKC\"}", "NFKC" },
	{ "\"add_prefix_space\": false", "\"add_prefix_space\": true", "add_prefix_space" },
	{ "\"type\": \"ByteLevel\"", "\"type\": \"Whitespace\"", "Whitespace" },
	{ "\"special\": true", "\"special\": false", "ends a text" },
	{ "\"!\": 1,", "\"!\": 2,", "same id" },
	{ "\"!\": 1,", "\"!\": 500,", "500" },
	{ "\"!\": 1,", "\"!\": -1,", "-1" },
	{ "\"!\": 1,", "\"!\": 1.5,", "integer" },
	{ "\"!\": 1,", "\"!\": \"1\",", "integer" },
	{ "\"!\": 1,", "\"! \": 1,", "alphabet" },
	{ "\"!\": 1,", "\"\": 1,", "empty" },
	{ "\"!\": 1,", "\"zqzq\": 1,", "0x21" },
	{ "\"!\": 1,", "\"!\": 1, \"!\": 500,", "twice" },
	{ "\"!\": 1,", "", "499" },
	{ "<|endoftext|>\",", "<|other|>\",", "id" },
	{ "\"merges\"", "\"splits\"", "merges" },
	{ "\"vocab\": {", "\"vocab\": [{", "JSON" },
};

static void bpe_bad_json(void)
{
	char *path = tree_path("tests/data/tokenizer/small.json");
	char *dir = scratch_make(), *bad = path_join(dir, "bad.json");
	struct tokenizer *tok;

	for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
		write_changed(path, bad, bad_files[i].from, bad_files[i].to);
		CHECK(tokenizer_open(bad, &tok) < 0);
		CHECK(message_has(bad_files[i].says));
		CHECK(strstr(fail_message(), "bad.json"));
	}
	write_raw(bad, "", 0);
	check_fails(tokenizer_open(bad, &tok), -EINVAL, "bad.json");
	write_text(dir, "bad.json", "[]");
	CHECK(tokenizer_open(bad, &tok) < 0);
	write_text(dir, "bad.json", "{\"model\": {\"type\": \"BPE\", \"vocab\": {}, "
		   "\"merges\": []}, \"pre_tokenizer\": {\"type\": \"ByteLevel\"}}");
	check_fails(tokenizer_open(bad, &tok), -EINVAL, "ends a text");
	free(path);
	free(bad);
	scratch_remove(dir);
}
TEST_REGISTER(bpe_bad_json);

static void bpe_bad_pattern(void)
{
	char *path = tree_path("tests/data/tokenizer/split.json");
	char *dir = scratch_make(), *bad = path_join(dir, "bad.json");
	struct tokenizer *tok;

	write_changed(path, bad, "(?i:", "(?i:(");
	check_fails(tokenizer_open(bad, &tok), -EINVAL, "pattern");
	write_changed(path, bad, "Isolated", "Removed");
	check_fails(tokenizer_open(bad, &tok), -ENOTSUP, "Isolated");
	/* What the pattern does not match is a word too. */
	write_changed(path, bad, "|\\\\p{N}{1,3}|", "|");
	check_ok(tokenizer_open(bad, &tok));
	check_lossless(tok, "a 1234 b 5", 10);
	check_lossless(tok, "12", 2);
	tokenizer_free(tok);
	free(path);
	free(bad);
	scratch_remove(dir);
}
TEST_REGISTER(bpe_bad_pattern);

static void bpe_bad_merges(void)
{
	static const struct {
		const char *from, *to, *says;
	} cases[] = {
		{ "0.2\n", "0.2\nA zz\n", "merge 0" },
		{ "0.2\n", "0.2\nA B C\n", "vocab.bpe:2" },
		{ "0.2\n", "0.2\nAB\n", "vocab.bpe:2" },
		{ "0.2\n", "0.2\n A\n", "vocab.bpe:2" },
		{ "0.2\n", "0.2\n\n", "vocab.bpe:2" },
		{ "0.2\n", "0.2\nz z\n", "'zz'" },
		{ "0.2\n", "0.2\nh e\nh e\n", "same pair" },
	};
	char *dir = scratch_make(), *spec = str_printf("gpt2:%s", dir);
	char *from = tree_path("tests/data/tokenizer/encoder.json");
	char *to = path_join(dir, "encoder.json");
	struct tokenizer *tok;

	write_changed(from, to, "{", "{");
	check_fails(tokenizer_open(spec, &tok), -ENOENT, "vocab.bpe");
	free(from);
	free(to);
	from = tree_path("tests/data/tokenizer/vocab.bpe");
	to = path_join(dir, "vocab.bpe");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_changed(from, to, cases[i].from, cases[i].to);
		check_fails(tokenizer_open(spec, &tok), -EINVAL, cases[i].says);
		CHECK(strstr(fail_message(), dir));
	}
	check_fails(tokenizer_open("gpt2", &tok), -EINVAL, "gpt2:DIR");
	check_fails(tokenizer_open("gpt2:", &tok), -EINVAL, "gpt2:DIR");
	free(from);
	free(to);
	free(spec);
	scratch_remove(dir);
}
TEST_REGISTER(bpe_bad_merges);

static struct tokenizer *open_gpt2(void)
{
	char *dir = dev_path("tokenizers/gpt2"), *spec;
	struct tokenizer *tok;

	if (!dir)
		return NULL;
	spec = str_printf("gpt2:%s", dir);
	check_ok(tokenizer_open(spec, &tok));
	free(spec);
	free(dir);
	return tok;
}

static void bpe_gpt2(void)
{
	struct tokenizer *tok = open_gpt2();
	char *path = dev_path("text/tinyshakespeare.txt"), *text;
	struct token_list list = { 0 };
	size_t len;

	if (tok) {
		ck_assert_str_eq(tokenizer_name(tok), "gpt2");
		ck_assert_uint_eq(tokenizer_vocab(tok), 50257);
		ck_assert_uint_eq(tokenizer_eot(tok), 50256);
	}
	if (tok && path) {
		check_ok(file_read_all(path, 1 << 24, &text, &len));
		check_ok(tokenizer_encode(tok, text, len, &list));
		ck_assert_uint_eq(list.nr, 338025);
		check_lossless(tok, text, len);
		free(text);
	}
	token_list_free(&list);
	tokenizer_free(tok);
	free(path);
}
TEST_REGISTER(bpe_gpt2);

/* The vectors that llama.cpp keeps with its GPT-2 vocabulary. */
static void bpe_gpt2_vectors(void)
{
	static const char mark[] = "\n__ggml_vocab_test__\n";
	char *in_path = dev_path("tokenizers/gguf-vocab/ggml-vocab-gpt-2.gguf.inp");
	char *out_path = dev_path("tokenizers/gguf-vocab/ggml-vocab-gpt-2.gguf.out");
	struct tokenizer *tok = open_gpt2();
	char *in, *out, *rest, *at, *end;
	size_t len, n;
	long nr = 0;

	if (!in_path || !out_path || !tok)
		goto out;
	check_ok(file_read_all(in_path, 1 << 20, &in, &len));
	check_ok(file_read_all(out_path, 1 << 20, &out, &n));
	rest = out;
	for (at = in; (end = strstr(at, mark)); at = end + strlen(mark))
		check_ids(tok, at, end - at, strsep(&rest, "\n"), ++nr);
	ck_assert_int_gt(nr, 20);
	free(in);
	free(out);
out:
	tokenizer_free(tok);
	free(in_path);
	free(out_path);
}
TEST_REGISTER(bpe_gpt2_vectors);
