// SPDX-License-Identifier: MIT
/* Text files to data folders: who is on which side, and what is left after errors. */
#include <dirent.h>
#include <sys/stat.h>

#include "data/sources.h"
#include "tests/unit/data-helper.h"

static char *scratch, *text_path, *other_path, *folder;
static struct prepare_options opt;
static const char *inputs[2];

static void begin(void)
{
	scratch = scratch_make();
	text_path = path_join(scratch, "text");
	other_path = path_join(scratch, "other");
	folder = path_join(scratch, "data");
	inputs[0] = text_path;
	opt = (struct prepare_options){
		.input = inputs, .nr_input = 1, .tokenizer = "byte", .out = folder,
		.val_fraction = 0.3, .seed = 1,
	};
}

static void end(void)
{
	free(text_path);
	free(other_path);
	free(folder);
	scratch_remove(scratch);
}

static int entries(const char *path)
{
	DIR *d = opendir(path);
	int nr = 0;

	while (d && readdir(d))
		nr++;
	if (d)
		closedir(d);
	return nr - 2;
}

/* Documents [from, to) of an endless collection. */
static void write_documents(const char *path, int from, int to)
{
	struct strbuf sb;

	strbuf_init(&sb);
	for (int i = from; i < to; i++)
		strbuf_addf(&sb, "document number %d" TOKENIZER_EOT "\n", i);
	write_raw(path, sb.s, sb.len);
	strbuf_free(&sb);
}

/* A split's text, end-of-text tokens as '|'. */
static char *split_text(enum data_split split)
{
	struct dataset *ds;
	struct strbuf sb;
	uint64_t nr;

	check_ok(dataset_open(folder, &ds));
	check_ok(dataset_verify(ds));
	nr = dataset_tokens(ds, split);
	strbuf_init(&sb);
	for (uint64_t i = 0; i < nr; i++) {
		int32_t token;

		check_ok(dataset_read(ds, split, i, 1, &token));
		strbuf_addc(&sb, token == 256 ? '|' : token);
	}
	dataset_close(ds);
	return strbuf_detach(&sb);
}

static void prepare(struct manifest *m)
{
	check_ok(prepare_data(&opt, m));
}

static void drop(struct manifest *m)
{
	manifest_free(m);
	check_ok(dir_remove_tree(folder));
}

START_TEST(sides_are_stable)
{
	struct manifest m;
	char *few, *many, *at, *rest, *doc;

	write_documents(text_path, 0, 50);
	prepare(&m);
	few = split_text(DATA_VAL);
	ck_assert_uint_gt(m.split[DATA_VAL].documents, 5);
	ck_assert_uint_lt(m.split[DATA_VAL].documents, 30);
	drop(&m);
	write_documents(text_path, 0, 100);
	prepare(&m);
	many = split_text(DATA_VAL);
	/* More documents come behind; those that were on this side stay, in order. */
	ck_assert_int_eq(strncmp(few, many, strlen(few)), 0);
	drop(&m);
	opt.seed = 2;
	prepare(&m);
	rest = at = split_text(DATA_VAL);
	CHECK(strcmp(at, many));
	while ((doc = strsep(&rest, "|")) && *doc)
		CHECK(!strncmp(doc, "document number ", 16));
	drop(&m);
	free(few);
	free(many);
	free(at);
}
END_TEST

START_TEST(copies_share_a_side)
{
	struct manifest m;
	struct strbuf sb;
	char *train, *val;

	strbuf_init(&sb);
	for (int i = 0; i < 200; i++)
		strbuf_addf(&sb, "%s<%d>%s" TOKENIZER_EOT, i & 1 ? "\n\n " : "", i % 20,
			    i & 2 ? " \n" : "");
	write_raw(text_path, sb.s, sb.len);
	prepare(&m);
	train = split_text(DATA_TRAIN);
	val = split_text(DATA_VAL);
	for (int i = 0; i < 20; i++) {
		char doc[16];

		snprintf(doc, sizeof(doc), "<%d>", i);
		CHECK(!strstr(train, doc) != !strstr(val, doc));
	}
	drop(&m);
	free(train);
	free(val);
	strbuf_free(&sb);
}
END_TEST

START_TEST(marks_and_blanks)
{
	struct manifest m;
	char *train, *val;

	write_text(scratch, "text", "\n\na\n" TOKENIZER_EOT TOKENIZER_EOT " \n" TOKENIZER_EOT
		   "\r\nb\r\n" TOKENIZER_EOT "  c");
	opt.val_fraction = 0.5;
	for (opt.seed = 0; prepare_data(&opt, &m); opt.seed++)
		ck_assert_uint_lt(opt.seed, 50);
	ck_assert_uint_eq(m.sources[0].documents, 3);
	train = split_text(DATA_TRAIN);
	val = split_text(DATA_VAL);
	ck_assert_uint_eq(strlen(train) + strlen(val), strlen("a|b|  c|"));
	drop(&m);
	free(train);
	free(val);
	/* Another separator; the mark is then ordinary text. */
	write_text(scratch, "text", "a" TOKENIZER_EOT "\n\n\nb\n\nc\n\nd");
	opt.separator = "\n\n";
	for (opt.seed = 0; prepare_data(&opt, &m); opt.seed++)
		ck_assert_uint_lt(opt.seed, 50);
	ck_assert_uint_eq(m.sources[0].documents, 4);
	ck_assert_uint_eq(m.split[0].bytes + m.split[1].bytes, 4 + 13);
	drop(&m);
}
END_TEST

/*
 * By numbers below a fraction of 1e-9 none of a few documents would be held out.  One is, with its
 * copies: the one that a larger fraction, too, holds out first.
 */
START_TEST(one_is_held_out)
{
	struct manifest m;

	for (opt.seed = 0; opt.seed < 20; opt.seed++) {
		char *least, *val;

		write_documents(text_path, 0, 11);
		opt.val_fraction = 1e-9;
		prepare(&m);
		ck_assert_uint_eq(m.split[DATA_VAL].documents, 1);
		ck_assert_uint_eq(m.split[DATA_TRAIN].documents, 10);
		ck_assert_double_eq(m.val_fraction, 1e-9);
		least = split_text(DATA_VAL);
		drop(&m);
		opt.val_fraction = 0.5;
		prepare(&m);
		val = split_text(DATA_VAL);
		CHECK(strstr(val, least));
		drop(&m);
		for (opt.val_fraction = 0.02; opt.val_fraction < 0.3; opt.val_fraction += 0.02) {
			prepare(&m);
			if (m.split[DATA_VAL].documents == 1) {
				free(val);
				val = split_text(DATA_VAL);
				ck_assert_str_eq(val, least);
			}
			drop(&m);
		}
		free(least);
		free(val);
	}
	write_text(scratch, "text", "a" TOKENIZER_EOT "b" TOKENIZER_EOT "a" TOKENIZER_EOT " b");
	opt.val_fraction = 1e-9;
	prepare(&m);
	ck_assert_uint_eq(m.split[DATA_VAL].documents, 2);
	ck_assert_uint_eq(m.split[DATA_TRAIN].documents, 2);
	drop(&m);
}
END_TEST

/* One document is cut; the pieces together are the document. */
START_TEST(one_document)
{
	struct source src;
	struct cutter c;
	struct manifest m;
	struct strbuf sb;
	const char *text;
	size_t len, at = 0, lines;

	strbuf_init(&sb);
	for (int i = 0; i < 3000; i++)
		strbuf_addf(&sb, "line %d%s", i, i % 10 ? "\n" : "\n\n");
	lines = sb.len;
	for (int i = 0; i < 20000; i++)	/* no line end, then not even a blank */
		strbuf_adds(&sb, i < 10000 ? "word " : "\xc3\xa9");
	write_raw(text_path, sb.s, sb.len);
	prepare(&m);
	ck_assert_uint_eq(m.piece_bytes, sb.len / PREPARE_PIECES);
	ck_assert_uint_eq(m.split[0].bytes + m.split[1].bytes, sb.len);
	drop(&m);
	check_ok(source_map(text_path, TOKENIZER_EOT, &src));
	c = cutter_begin(&src, TOKENIZER_EOT, 1000);
	while (cutter_next(&c, &text, &len)) {
		ck_assert_ptr_eq(text, src.text + at);
		at += len;
		ck_assert_uint_le(len, 2000);
		CHECK(at == sb.len || len >= 500);
		CHECK(at >= lines || (text[len - 1] == '\n' && text[len - 2] == '\n'));
		CHECK(at == sb.len || ((unsigned char)src.text[at] & 0xc0) != 0x80);
	}
	ck_assert_uint_eq(at, sb.len);
	source_unmap(&src);
	strbuf_free(&sb);
}
END_TEST

START_TEST(validation_files)
{
	const char *val[] = { other_path };
	struct manifest m;
	char *train;

	write_documents(text_path, 0, 40);
	write_documents(other_path, 30, 60);
	opt.val = val;
	opt.nr_val = 1;
	prepare(&m);
	ck_assert_uint_eq(m.split[DATA_TRAIN].documents, 30);
	ck_assert_uint_eq(m.split[DATA_VAL].documents, 30);
	ck_assert_uint_eq(m.duplicates, 10);
	ck_assert_str_eq(m.sources[1].split, "val");
	train = split_text(DATA_TRAIN);
	CHECK(strstr(train, "number 29|") && !strstr(train, "number 30|"));
	free(train);
	drop(&m);
	write_documents(text_path, 30, 40);
	check_fails(prepare_data(&opt, &m), -EINVAL, "every --input document");
	ck_assert_int_eq(entries(scratch), 2);
}
END_TEST

START_TEST(refused)
{
	static const volatile sig_atomic_t stop = 1;
	struct manifest m;

	check_fails(prepare_data(&opt, &m), -ENOENT, "/text: ");
	write_raw(text_path, "", 0);
	check_fails(prepare_data(&opt, &m), -EINVAL, "text: the file is empty");
	write_text(scratch, "text", " \n\n" TOKENIZER_EOT "\n \n");
	check_fails(prepare_data(&opt, &m), -EINVAL, "only blanks");
	write_text(scratch, "text", "short");
	check_fails(prepare_data(&opt, &m), -EINVAL, "all 1 documents");
	write_text(scratch, "text", "\xfd" "7zXZ etc");
	check_fails(prepare_data(&opt, &m), -EINVAL, "compressed (xz)");
	write_documents(text_path, 0, 50);
	opt.stop = &stop;
	check_fails(prepare_data(&opt, &m), -EINTR, "interrupted");
	opt.stop = NULL;
	opt.tokenizer = "nonsense";
	check_fails(prepare_data(&opt, &m), -ENOENT, "nonsense");
	opt.tokenizer = "byte";
	opt.val_fraction = 0;
	check_fails(prepare_data(&opt, &m), -EINVAL, "fraction");
	opt.val_fraction = 0.3;
	opt.out = "/dev/null/data";
	check_fails(prepare_data(&opt, &m), -ENOTDIR, "/dev/null");
	inputs[0] = scratch;
	check_fails(prepare_data(&opt, &m), -EINVAL, "not a regular file");
	ck_assert_int_eq(entries(scratch), 1);	/* only the text itself */
}
END_TEST

START_TEST(replaced_only_by_force)
{
	struct manifest m;

	write_documents(text_path, 0, 50);
	opt.shard_tokens = 100;
	prepare(&m);
	manifest_free(&m);
	check_fails(prepare_data(&opt, &m), -EEXIST, "exists already");
	opt.force = true;
	opt.shard_tokens = 0;
	prepare(&m);
	manifest_free(&m);
	ck_assert_int_eq(entries(folder), 4);
	ck_assert_int_eq(entries(scratch), 2);
	write_text(folder, "notes", "mine");
	check_fails(prepare_data(&opt, &m), -EEXIST, "holds 'notes'");
	ck_assert_int_eq(entries(folder), 5);
	ck_assert_int_eq(entries(scratch), 2);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, sides_are_stable);
	tcase_add_test(tc, copies_share_a_side);
	tcase_add_test(tc, marks_and_blanks);
	tcase_add_test(tc, one_is_held_out);
	tcase_add_test(tc, one_document);
	tcase_add_test(tc, validation_files);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, replaced_only_by_force);
}
TEST_REGISTER(prepare, add);
