// SPDX-License-Identifier: MIT
/* Data folders as training sees them: dataset and loader. */
#include "data/loader.h"

#include <math.h>

#include "tests/unit/data-helper.h"

#define DOCS	400
#define T	16

static char *scratch, *folder;

/* Documents "N abc...", with several shards so that windows cross their borders. */
static void make_folder(uint64_t shard_tokens)
{
	char *text = path_join(scratch, "text");
	const char *input[] = { text };
	struct prepare_options opt = {
		.input = input, .nr_input = 1, .tokenizer = "byte", .out = folder,
		.val_fraction = 0.2, .shard_tokens = shard_tokens, .seed = 1,
	};
	struct manifest m;
	struct strbuf sb;

	strbuf_init(&sb);
	for (int i = 0; i < DOCS; i++)
		strbuf_addf(&sb, "%d %.*s" TOKENIZER_EOT "\n", i, i % 23,
			    "abcdefghijklmnopqrstuvwxyz");
	write_raw(text, sb.s, sb.len);
	check_ok(prepare_data(&opt, &m));
	ck_assert_uint_eq(m.split[0].documents + m.split[1].documents, DOCS);
	manifest_free(&m);
	strbuf_free(&sb);
	free(text);
}

static void begin(void)
{
	scratch = scratch_make();
	folder = path_join(scratch, "data");
	make_folder(1000);
}

static void end(void)
{
	free(folder);
	scratch_remove(scratch);
}

static struct dataset *open_folder(void)
{
	struct dataset *ds;

	check_ok(dataset_open(folder, &ds));
	return ds;
}

/* The whole stream of a split, read token by token. */
static int32_t *read_stream(const struct dataset *ds, enum data_split split, uint64_t *nr)
{
	int32_t *stream;

	*nr = dataset_tokens(ds, split);
	stream = calloc(*nr, sizeof(*stream));
	for (uint64_t i = 0; i < *nr; i++)
		check_ok(dataset_read(ds, split, i, 1, stream + i));
	return stream;
}

START_TEST(windows)
{
	struct dataset *ds = open_folder();
	int32_t tokens[T], targets[T], *stream;
	struct loader l;
	uint64_t nr;

	ck_assert_uint_gt(dataset_manifest(ds)->split[DATA_TRAIN].nr_shards, 3);
	stream = read_stream(ds, DATA_TRAIN, &nr);
	check_ok(loader_init(&l, ds, DATA_TRAIN, T, false, 0));
	ck_assert_uint_eq(l.windows, (nr - 1) / T);
	for (uint64_t w = 0; w < l.windows; w++) {
		check_ok(loader_fill(&l, w, 1, tokens, targets, NULL));
		ck_assert_int_eq(memcmp(tokens, stream + w * T, sizeof(tokens)), 0);
		ck_assert_int_eq(memcmp(targets, stream + w * T + 1, sizeof(targets)), 0);
	}
	check_fails(loader_init(&l, ds, DATA_TRAIN, nr, false, 0), -EINVAL, "too few");
	check_ok(loader_init(&l, ds, DATA_TRAIN, nr - 1, false, 0));
	ck_assert_uint_eq(l.windows, 1);
	check_fails(loader_init(&l, ds, DATA_TRAIN, 0, false, 0), -EINVAL, "windows of 0");
	check_fails(dataset_read(ds, DATA_TRAIN, nr, 1, tokens), -ERANGE, "beyond");
	check_fails(dataset_read(ds, DATA_TRAIN, UINT64_MAX, 2, tokens), -ERANGE, "beyond");
	free(stream);
	dataset_close(ds);
}
END_TEST

/* Every window once per epoch, in another order each epoch and for each seed. */
START_TEST(order)
{
	struct dataset *ds = open_folder();
	struct loader l, other;
	uint64_t same_epoch = 0, same_seed = 0;
	char *seen;

	check_ok(loader_init(&l, ds, DATA_TRAIN, T, true, 7));
	check_ok(loader_init(&other, ds, DATA_TRAIN, T, true, 8));
	seen = calloc(l.windows, 1);
	for (int epoch = 0; epoch < 3; epoch++) {
		memset(seen, 0, l.windows);
		for (uint64_t i = 0; i < l.windows; i++) {
			uint64_t w = loader_window(&l, epoch * l.windows + i);

			ck_assert_uint_lt(w, l.windows);
			ck_assert_int_eq(seen[w]++, 0);
			same_epoch += epoch && w == loader_window(&l, i);
			same_seed += w == loader_window(&other, epoch * l.windows + i);
		}
	}
	ck_assert_uint_lt(same_epoch, l.windows / 4);
	ck_assert_uint_lt(same_seed, l.windows / 4);
	ck_assert_uint_eq(loader_unique_tokens(&l, 5), 5 * T);
	ck_assert_uint_eq(loader_unique_tokens(&l, 3 * l.windows), l.windows * T);
	ck_assert(loader_epochs(&l, 3 * l.windows) == 3.0);
	free(seen);
	dataset_close(ds);
}
END_TEST

/* A sample depends on its number alone: batches of any size, from anywhere. */
START_TEST(resume)
{
	struct dataset *ds = open_folder();
	int32_t all[3][40 * T], part[3][3 * T];
	struct loader l;

	check_ok(loader_init(&l, ds, DATA_VAL, T, true, 1));
	ck_assert_uint_gt(l.windows, 5);
	check_ok(loader_fill(&l, 0, 40, all[0], all[1], all[2]));
	for (int first = 0; first <= 37; first++) {
		check_ok(loader_fill(&l, first, 3, part[0], part[1], part[2]));
		for (int i = 0; i < 3; i++)
			ck_assert_int_eq(memcmp(part[i], all[i] + first * T, sizeof(part[i])), 0);
	}
	dataset_close(ds);
}
END_TEST

/*
 * Targets of samples from @first on are other ones than the text's: as many as were asked for,
 * all tokens among them, and whatever the batch.
 */
START_TEST(noise)
{
	enum { NR = 500, FIRST = 100 };
	static int32_t clean[NR * T], noisy[NR * T], inputs[NR * T], part[3 * T];
	const double share = 0.3, n = (NR - FIRST) * T;
	struct dataset *ds = open_folder();
	uint32_t vocab = dataset_vocab(ds);
	double changed = 0, want = share * (1 - 1.0 / vocab), sum = 0;
	struct loader l;

	check_ok(loader_init(&l, ds, DATA_TRAIN, T, true, 1));
	check_ok(loader_fill(&l, 0, NR, inputs, clean, NULL));
	loader_noise(&l, share, FIRST);
	check_ok(loader_fill(&l, 0, NR, inputs, noisy, NULL));
	ck_assert_int_eq(memcmp(clean, noisy, FIRST * T * sizeof(*clean)), 0);
	for (int i = FIRST * T; i < NR * T; i++) {
		ck_assert(noisy[i] >= 0 && (uint32_t)noisy[i] < vocab);
		if (noisy[i] == clean[i])
			continue;
		changed++;
		sum += noisy[i];
	}
	/* Binomial, and the mean of a uniform distribution: five standard deviations. */
	ck_assert(fabs(changed - n * want) < 5 * sqrt(n * want * (1 - want)));
	ck_assert(fabs(sum / changed - (vocab - 1) / 2.0) < 5 * vocab / sqrt(12 * changed));
	for (int first = FIRST - 2; first < NR - 3; first += 7) {
		check_ok(loader_fill(&l, first, 3, inputs, part, NULL));
		ck_assert_int_eq(memcmp(part, noisy + first * T, sizeof(part)), 0);
	}
	loader_noise(&l, 0, 0);
	check_ok(loader_fill(&l, 0, NR, inputs, noisy, NULL));
	ck_assert_int_eq(memcmp(clean, noisy, sizeof(clean)), 0);
	dataset_close(ds);
}
END_TEST

START_TEST(documents)
{
	struct dataset *ds = open_folder();
	uint64_t *starts, nr, total, doc = 0;
	int32_t tokens[T], doc_start[T];
	struct loader l;

	check_ok(dataset_document_starts(ds, DATA_TRAIN, &starts, &nr));
	total = dataset_tokens(ds, DATA_TRAIN);
	ck_assert_uint_eq(nr, dataset_manifest(ds)->split[DATA_TRAIN].documents);
	ck_assert_uint_eq(starts[0], 0);
	ck_assert_uint_eq(starts[nr], total);
	check_ok(loader_init(&l, ds, DATA_TRAIN, T, false, 0));
	for (uint64_t w = 0; w < l.windows; w++) {
		check_ok(loader_fill(&l, w, 1, tokens, NULL, doc_start));
		for (uint64_t i = 0; i < T; i++) {
			uint64_t at = w * T + i, want;

			while (starts[doc + 1] <= at)
				doc++;
			want = starts[doc] > w * T ? starts[doc] - w * T : 0;
			ck_assert_uint_eq(doc_start[i], want);
			/* End of text is the last token of its document. */
			ck_assert(((uint32_t)tokens[i] == dataset_eot(ds)) ==
				  (starts[doc + 1] == at + 1));
		}
	}
	free(starts);
	dataset_close(ds);
}
END_TEST

START_TEST(bytes_and_vocabulary)
{
	struct dataset *ds = open_folder();
	const uint32_t *bytes;
	int32_t *stream;
	uint64_t nr, sum = 0;

	check_ok(dataset_token_bytes(ds, &bytes));
	ck_assert_uint_eq(bytes['a'], 1);
	ck_assert_uint_eq(bytes[dataset_eot(ds)], 0);
	stream = read_stream(ds, DATA_VAL, &nr);
	for (uint64_t i = 0; i < nr; i++)
		sum += bytes[stream[i]];
	ck_assert_uint_eq(sum, dataset_manifest(ds)->split[DATA_VAL].bytes);
	check_ok(dataset_verify(ds));
	free(stream);
	dataset_close(ds);
}
END_TEST

/* The same contents have one hash, wherever they lie and however they are cut. */
START_TEST(contents_hash)
{
	struct dataset *ds = open_folder();
	char hash[HASH_HEX];

	strcpy(hash, dataset_hash(ds));
	dataset_close(ds);
	free(folder);
	folder = path_join(scratch, "again");
	make_folder(1000);
	ds = open_folder();
	ck_assert_str_eq(hash, dataset_hash(ds));
	dataset_close(ds);
}
END_TEST

/* Overwrite bytes of a file of the folder. */
static void patch(const char *name, long at, const void *bytes, size_t len)
{
	char *path = path_join(folder, name);
	FILE *f = fopen(path, "r+b");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fseek(f, at, SEEK_SET), 0);
	ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
	free(path);
}

START_TEST(damaged_shard)
{
	int32_t tokens[T], targets[T];
	struct dataset *ds;
	struct loader l;

	patch("train_000000.bin", 1024 + 2 * 5, "\x01\x00", 2);
	ds = open_folder();
	check_fails(dataset_verify(ds), -EINVAL, "train_000000.bin: damaged");
	dataset_close(ds);
	patch("train_000000.bin", 1024 + 2 * 5, "\x01\x01", 2);	/* 257 */
	ds = open_folder();
	check_ok(loader_init(&l, ds, DATA_TRAIN, T, false, 0));
	check_fails(loader_fill(&l, 0, 1, tokens, targets, NULL), -ERANGE,
		    "token 257 at position 5");
	CHECK(strstr(fail_message(), "train_000000.bin"));
	dataset_close(ds);
	patch("train_000000.bin", 8, "\xe7\x03", 2);	/* 999 tokens, says the header */
	check_fails(dataset_open(folder, &ds), -EINVAL, "2 bytes after");
	patch("train_000000.bin", 8, "\xe9\x03", 2);
	check_fails(dataset_open(folder, &ds), -EINVAL, "truncated");
}
END_TEST

START_TEST(damaged_manifest)
{
	static const struct {
		const char *from, *to, *says;
	} cases[] = {
		{ "knlp data 1", "knlp data 2", "format is 'knlp data 2'" },
		{ "vocab: 257", "vocab: 0", "vocabulary of 0" },
		{ "vocab: 257", "vocab: 99999999999", "vocabulary of 99999999999" },
		{ "eot: 256", "eot: 257", "257" },
		{ "  eot: 256\n", "", "tokenizer.eot is missing" },
		{ "  eot: 256\n", "  eot: 256\n  eot: 256\n", ":8: a second 'tokenizer.eot'" },
		{ "eot: 256", "eot: x", "cannot read the value of 'tokenizer.eot'" },
		{ "eot: 256", "eot: -1", "cannot read" },
		{ "eot: 256", "eat: 256", "unknown key 'tokenizer.eat'" },
		{ "eot: 256", "eot 256", "neither" },
		{ "  eot: 256", "   eot: 256", "indentation" },
		{ "  eot: 256", "          eot: 256", "indentation" },
		{ "train_000000.bin", "../train_000000.bin", "'file'" },
		{ "train_000000.bin", "val_000001.bin", "manifest says 1000" },
		{ "train_000000.bin", "other.bin", "other.bin" },
		{ "tokens: 1000\n", "tokens: 1001\n", "train.tokens" },
		{ "seed: 1", "seed: 99999999999999999999", "seed" },
		{ "split: \"both\"", "split: \"both", "'split'" },
		{ "sources:\n", "- x: 1\nsources:\n", "a list at the top" },
		{ "sources:\n", "  - x: 1\nsources:\n", "no list belongs" },
		{ "sources:\n", "x: 1\nsources:\n", "unknown key 'x'" },
		{ "sources:\n", "sources: 5\n", "unknown key 'sources'" },
	};
	char *path = path_join(folder, MANIFEST_FILE), *good = path_join(folder, "good");
	struct dataset *ds;

	ck_assert_int_eq(rename(path, good), 0);
	check_fails(dataset_open(folder, &ds), -ENOENT, "not a data folder");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int ret;

		write_changed(good, path, cases[i].from, cases[i].to);
		ret = dataset_open(folder, &ds);
		ck_assert_msg(ret < 0, "case %zu was taken", i);
		ck_assert_msg(message_has(cases[i].says), "case %zu: %s", i, fail_message());
	}
	write_raw(path, "", 0);
	check_fails(dataset_open(folder, &ds), -EINVAL, "format is missing");
	write_raw(path, "a\0b", 3);
	check_fails(dataset_open(folder, &ds), -EINVAL, "NUL");
	check_fails(dataset_open("/nonexistent", &ds), -ENOENT, "/nonexistent");
	free(path);
	free(good);
}
END_TEST

START_TEST(other_tokenizer)
{
	char *path = path_join(folder, TOKENIZER_FILE);
	struct dataset *ds = open_folder();
	struct tokenizer *tok;

	write_changed(path, path, "\"!\"", "\"?\"");
	CHECK(dataset_tokenizer(ds, &tok) < 0);
	CHECK(message_has(TOKENIZER_FILE));
	dataset_close(ds);
	free(path);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, windows);
	tcase_add_test(tc, order);
	tcase_add_test(tc, resume);
	tcase_add_test(tc, noise);
	tcase_add_test(tc, documents);
	tcase_add_test(tc, bytes_and_vocabulary);
	tcase_add_test(tc, contents_hash);
	tcase_add_test(tc, damaged_shard);
	tcase_add_test(tc, damaged_manifest);
	tcase_add_test(tc, other_tokenizer);
}
TEST_REGISTER(loader, add);
