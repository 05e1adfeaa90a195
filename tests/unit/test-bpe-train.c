// SPDX-License-Identifier: MIT
/* Training BPE: Hugging Face's merges, a plain algorithm's, and any number of threads. */
#include "base/rng.h"
#include "base/thread.h"
#include "data/bpe-train.h"
#include "tests/unit/data-helper.h"

static struct tokenizer *train(const struct bpe_training *opt)
{
	struct bpe_trained info;
	struct tokenizer *tok;

	check_ok(bpe_train(opt, &info, &tok));
	CHECK(info.bytes && info.documents && info.words >= info.different_words);
	return tok;
}

/* What scripts/peers/train-tokenizer.py writes: spellings by id, then merges by rank. */
static void check_tables(const struct tokenizer *tok, const char *golden)
{
	char *path = tree_path(golden), *want;
	const struct token_merge *merges;
	struct strbuf sb;
	size_t len;
	uint32_t nr;

	check_ok(file_read_all(path, 1 << 24, &want, &len));
	strbuf_init(&sb);
	for (uint32_t id = 0; id < tokenizer_vocab(tok); id++) {
		tokenizer_spelling(tok, id, &sb);
		strbuf_addc(&sb, '\n');
	}
	merges = tokenizer_merges(tok, &nr);
	for (uint32_t i = 0; i < nr; i++)
		strbuf_addf(&sb, "%u %u\n", merges[i].left, merges[i].right);
	ck_assert_str_eq(sb.s, want);
	strbuf_free(&sb);
	free(want);
	free(path);
}

static void bpe_train_golden(void)
{
	static const char *const special[] = { "<|user|>", "<s>" };
	char *corpus = tree_path("tests/data/tokenizer/corpus.txt");
	struct bpe_training opt = {
		.input = (const char *const *)&corpus, .nr_input = 1, .vocab = 700,
		.min_count = 2,
	};
	struct tokenizer *tok = train(&opt);

	check_tables(tok, "tests/data/tokenizer/trained-gpt2.golden");
	tokenizer_free(tok);
	opt = (struct bpe_training){
		.input = (const char *const *)&corpus, .nr_input = 1, .special = special,
		.nr_special = 2, .pattern = "llama3", .vocab = 500, .min_count = 3,
	};
	tok = train(&opt);
	check_tables(tok, "tests/data/tokenizer/trained-llama3.golden");
	tokenizer_free(tok);
	free(corpus);
}
TEST_REGISTER(bpe_train_golden);

/* Tiles that end in every place they may, and threads: always the same tokenizer. */
static void bpe_train_tiles(void)
{
	char *corpus = tree_path("tests/data/tokenizer/corpus.txt");
	const char *const patterns[] = { "gpt2", "llama3", "regex:\\w+|\\s+" };
	char hash[HASH_HEX];

	for (size_t p = 0; p < 3; p++) {
		struct bpe_training opt = {
			.input = (const char *const *)&corpus, .nr_input = 1,
			.pattern = patterns[p], .vocab = 600, .min_count = 2,
		};
		struct tokenizer *tok = train(&opt);

		strcpy(hash, tokenizer_hash(tok));
		tokenizer_free(tok);
		for (int threads = 1; threads <= 4; threads *= 2) {
			check_ok(threads_start(threads));
			opt.tile_bytes = 5 * threads;
			tok = train(&opt);
			ck_assert_str_eq(tokenizer_hash(tok), hash);
			tokenizer_free(tok);
		}
	}
	threads_stop();
	free(corpus);
}
TEST_REGISTER(bpe_train_tiles);

/* ---- the plain algorithm, over words of few letters: ties and repeated letters -------- */

#define WORDS	60
#define LETTERS	24
#define TOKENS	420

struct plain {
	uint32_t word[WORDS][LETTERS];
	int len[WORDS];
	char text[TOKENS][LETTERS + 1];		/* by id */
	uint32_t nr;
	struct token_merge merges[4 * TOKENS];
	uint32_t nr_merges;
};

static int plain_count(const struct plain *p, uint32_t left, uint32_t right)
{
	int n = 0;

	for (int w = 0; w < WORDS; w++)
		for (int i = 0; i + 1 < p->len[w]; i++)
			n += p->word[w][i] == left && p->word[w][i + 1] == right;
	return n;
}

static void plain_merge(struct plain *p, uint32_t left, uint32_t right, uint32_t id)
{
	for (int w = 0; w < WORDS; w++) {
		int out = 0;

		for (int i = 0; i < p->len[w]; i++, out++) {
			p->word[w][out] = p->word[w][i];
			if (i + 1 < p->len[w] && p->word[w][i] == left &&
			    p->word[w][i + 1] == right) {
				p->word[w][out] = id;
				i++;
			}
		}
		p->len[w] = out;
	}
}

static uint32_t plain_id(struct plain *p, uint32_t left, uint32_t right)
{
	char text[2 * LETTERS + 1];

	snprintf(text, sizeof(text), "%s%s", p->text[left], p->text[right]);
	for (uint32_t id = 257; id < p->nr; id++)
		if (!strcmp(p->text[id], text))
			return id;
	strcpy(p->text[p->nr], text);
	return p->nr++;
}

static bool plain_knows(const struct plain *p, uint32_t left, uint32_t right)
{
	for (uint32_t i = 0; i < p->nr_merges; i++)
		if (p->merges[i].left == left && p->merges[i].right == right)
			return true;
	return false;
}

/* One merge, the most frequent pair of all; false: none occurs @least times. */
static bool plain_step(struct plain *p, int least)
{
	uint32_t left = 0, right = 0, id;
	int best = 0;

	for (int w = 0; w < WORDS; w++)
		for (int i = 0; i + 1 < p->len[w]; i++) {
			uint32_t a = p->word[w][i], b = p->word[w][i + 1];
			int n = plain_count(p, a, b);

			if (n > best || (n == best && (a < left || (a == left && b < right)))) {
				best = n;
				left = a;
				right = b;
			}
		}
	if (best < least)
		return false;
	id = plain_id(p, left, right);
	if (!plain_knows(p, left, right))
		p->merges[p->nr_merges++] = (struct token_merge){ left, right, id };
	plain_merge(p, left, right, id);
	return true;
}

/* Lines of letters a, b and c; the line ends are words, of one byte. */
static void plain_text(struct plain *p, int letters, uint64_t seed, struct strbuf *text)
{
	struct rng r = rng_stream(seed, "test/words", 0);
	uint64_t at = 0;

	*p = (struct plain){ .nr = 257 };
	for (int c = 0; c < letters; c++)	/* '!' is the first byte's character */
		p->text[1 + 'a' + c - '!'][0] = 'a' + c;
	for (int w = 0; w < WORDS; w++) {
		p->len[w] = 1 + (int)(rng_uniform(&r, at++) * (LETTERS - 1));
		for (int i = 0; i < p->len[w]; i++) {
			int c = (int)(rng_uniform(&r, at++) * letters);

			p->word[w][i] = 1 + 'a' + c - '!';
			strbuf_addc(text, 'a' + c);
		}
		strbuf_addc(text, '\n');
	}
}

static void bpe_train_plain(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "words");
	struct plain *p = malloc(sizeof(*p));

	for (int k = 0; k < 60; k++) {
		struct bpe_training opt = {
			.input = (const char *const *)&path, .nr_input = 1,
			.pattern = "regex:[a-z]+|\\n", .vocab = TOKENS - 1, .min_count = 1 + k % 3,
		};
		const struct token_merge *merges;
		struct tokenizer *tok;
		struct strbuf text;
		uint32_t nr;

		strbuf_init(&text);
		plain_text(p, 1 + k % 4, k, &text);
		write_raw(path, text.s, text.len);
		while (p->nr < opt.vocab && plain_step(p, (int)opt.min_count))
			;
		tok = train(&opt);
		ck_assert_uint_eq(tokenizer_vocab(tok), p->nr);
		merges = tokenizer_merges(tok, &nr);
		ck_assert_uint_eq(nr, p->nr_merges);
		CHECK(!memcmp(merges, p->merges, nr * sizeof(*merges)));
		check_lossless(tok, text.s, text.len);
		tokenizer_free(tok);
		strbuf_free(&text);
	}
	free(p);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(bpe_train_plain);

/* Bytes that are no text, marks at the ends, a word of a megabyte. */
static void bpe_train_bytes(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "bytes");
	size_t len = ((size_t)1 << 20) + 4096;
	char *bytes = malloc(len);
	struct bpe_training opt = {
		.input = (const char *const *)&path, .nr_input = 1, .vocab = 600, .min_count = 2,
	};
	struct tokenizer *tok;

	for (size_t i = 0; i < 4096; i++)
		bytes[i] = (char)(i * i >> 3 ^ i * 37);
	memset(bytes + 4096, 'a', len - 4096);
	memcpy(bytes, "<|endoftext|><|endoftext|>\n", 27);
	memcpy(bytes + len - 26, "\n<|endoftext|><|endoftext|>", 26);
	write_raw(path, bytes, len);
	tok = train(&opt);
	check_lossless(tok, bytes, len);
	tokenizer_free(tok);
	free(bytes);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(bpe_train_bytes);

static void bpe_train_special_text(void)
{
	static const char *const special[] = { "abc" };
	char *dir = scratch_make(), *path = path_join(dir, "text");
	struct bpe_training opt = {
		.input = (const char *const *)&path, .nr_input = 1, .vocab = 300, .min_count = 2,
		.special = special, .nr_special = 1,
	};
	struct token_list ids = { 0 };
	struct tokenizer *tok;

	write_text(dir, "text", "abc abc abc abc");
	tok = train(&opt);
	check_ok(tokenizer_encode(tok, "abc abc", 7, &ids));
	for (size_t i = 0; i < ids.nr; i++)
		CHECK(!tokenizer_is_special(tok, ids.ids[i]));
	token_list_free(&ids);
	tokenizer_free(tok);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(bpe_train_special_text);

static void refuses(const char *path, const char *pattern, const char *special, uint32_t vocab,
		    const char *why)
{
	struct bpe_training opt = {
		.input = &path, .nr_input = 1, .vocab = vocab, .pattern = pattern,
		.special = &special, .nr_special = special != NULL,
	};
	struct bpe_trained info;
	struct tokenizer *tok;

	check_fails(bpe_train(&opt, &info, &tok), -EINVAL, why);
}

static void bpe_train_refuses(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "text");
	char *empty = path_join(dir, "empty"), *blanks = path_join(dir, "blanks");

	write_text(dir, "text", "some text, some more text");
	write_text(dir, "empty", "");
	write_text(dir, "blanks", " \n<|endoftext|>\n ");
	refuses(path, NULL, NULL, 256, "257");
	refuses(path, NULL, "<a>", 257, "258");
	refuses(path, NULL, "<|endoftext|>", 400, "twice");
	refuses(path, NULL, "", 400, "empty");
	refuses(path, NULL, "\xff", 400, "UTF-8");
	refuses(path, NULL, "\xc4\xa0", 400, "0x20");
	refuses(path, "gtp2", NULL, 400, "gtp2");
	refuses(path, "regex:", NULL, 400, "regex:");
	refuses(path, "regex:(", NULL, 400, "pattern");
	refuses(empty, NULL, NULL, 400, "empty");
	refuses(blanks, NULL, NULL, 400, "blanks");
	free(blanks);
	free(empty);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(bpe_train_refuses);
