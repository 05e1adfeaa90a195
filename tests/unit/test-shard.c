// SPDX-License-Identifier: MIT
#include <sys/stat.h>
#include <unistd.h>

#include "data/shard.h"
#include "tests/unit/data-helper.h"

static char *dir, *path;

static void begin(void)
{
	dir = scratch_make();
	path = path_join(dir, "s.bin");
}

static void end(void)
{
	free(path);
	scratch_remove(dir);
}

static void write_shard(int width, const uint32_t *ids, size_t nr)
{
	struct shard_writer *w;

	check_ok(shard_create(path, width, &w));
	check_ok(shard_append(w, ids, nr));
	check_ok(shard_finish(w));
}

/* A file with these three header words and @body bytes of zeros behind the header. */
static void write_fake(int32_t magic, int32_t version, int32_t nr, size_t body)
{
	size_t len = SHARD_HEADER_BYTES + body;
	int32_t *bytes = calloc(1, len);

	bytes[0] = magic;
	bytes[1] = version;
	bytes[2] = nr;
	write_raw(path, bytes, len);
	free(bytes);
}

START_TEST(both_widths)
{
	uint32_t ids[5000], back[5000];
	struct shard s;

	for (int width = 2; width <= 4; width += 2) {
		for (uint32_t i = 0; i < 5000; i++)
			ids[i] = width == 2 ? i * 13 % 65536 : i * 858993u;
		write_shard(width, ids, 5000);
		check_ok(shard_open(path, &s));
		ck_assert_uint_eq(s.nr, 5000);
		ck_assert_int_eq(s.width, width);
		check_ok(shard_read(&s, 0, 5000, back));
		ck_assert_int_eq(memcmp(ids, back, sizeof(ids)), 0);
		check_ok(shard_read(&s, 4999, 1, back));
		ck_assert_uint_eq(back[0], ids[4999]);
		shard_close(&s);
	}
	ck_assert_int_eq(shard_width(65536), 2);
	ck_assert_int_eq(shard_width(65537), 4);
}
END_TEST

/* The bytes that llm.c writes. */
START_TEST(layout)
{
	static const uint32_t ids[] = { 1, 2, 0x1234 };
	unsigned char *bytes;
	int32_t header[256];
	size_t len;

	write_shard(2, ids, 3);
	check_ok(file_read_all(path, 1 << 20, (char **)&bytes, &len));
	ck_assert_uint_eq(len, 1024 + 6);
	memcpy(header, bytes, sizeof(header));
	ck_assert_int_eq(header[0], 20240520);
	ck_assert_int_eq(header[1], 1);
	ck_assert_int_eq(header[2], 3);
	for (int i = 3; i < 256; i++)
		ck_assert_int_eq(header[i], 0);
	ck_assert_int_eq(memcmp(bytes + 1024, "\1\0\2\0\x34\x12", 6), 0);
	free(bytes);
}
END_TEST

START_TEST(empty_shard)
{
	struct shard s;

	write_shard(2, NULL, 0);
	check_ok(shard_open(path, &s));
	ck_assert_uint_eq(s.nr, 0);
	shard_close(&s);
}
END_TEST

START_TEST(hostile)
{
	struct shard s;

	write_fake(20240520, 1, 100, 200);
	check_ok(shard_open(path, &s));
	shard_close(&s);
	write_fake(20240520, 1, 100, 199);
	check_fails(shard_open(path, &s), -EINVAL,
		    "s.bin: truncated: header says 100 tokens, file holds 99");
	write_fake(20240520, 1, INT32_MAX, 200);
	check_fails(shard_open(path, &s), -EINVAL, "truncated");
	write_fake(20240520, 1, -1, 200);
	check_fails(shard_open(path, &s), -EINVAL, "-1 tokens");
	write_fake(20240520, 1, 100, 300);
	check_fails(shard_open(path, &s), -EINVAL, "100 bytes after");
	write_fake(20240520, 7, 100, 200);
	check_fails(shard_open(path, &s), -EINVAL, "version 7");
	write_fake(20240801, 1, 50, 200);
	check_fails(shard_open(path, &s), -EINVAL, "version 1");
	write_fake(0, 1, 100, 200);
	check_fails(shard_open(path, &s), -EINVAL, "not a token shard");
	write_raw(path, "", 0);
	check_fails(shard_open(path, &s), -EINVAL, "0 bytes");
	write_raw(path, "x", 1);
	check_fails(shard_open(path, &s), -EINVAL, "1 bytes");
	check_fails(shard_open(dir, &s), -EINVAL, "not a regular file");
	check_fails(shard_open("/nonexistent", &s), -ENOENT, "/nonexistent");
}
END_TEST

/* While it is open: an error that names the file, and neither a signal nor other tokens. */
START_TEST(cut_while_open)
{
	uint32_t ids[5000] = { 0 }, back[5000];
	struct shard s;

	for (int width = 2; width <= 4; width += 2) {
		write_shard(width, ids, 5000);
		check_ok(shard_open(path, &s));
		ck_assert_int_eq(truncate(path, SHARD_HEADER_BYTES + 100 * width), 0);
		check_ok(shard_read(&s, 0, 100, back));
		check_fails(shard_read(&s, 0, 101, back), -EIO, "while in use");
		check_fails(shard_read(&s, 4999, 1, back), -EIO, path);
		check_fails(shard_check(&s, 1), -EIO, path);
		shard_close(&s);
	}
}
END_TEST

START_TEST(out_of_vocabulary)
{
	static const uint32_t ids[] = { 1, 2, 300, 4, 70000 };
	struct shard_writer *w;
	struct shard s;

	write_shard(2, ids, 4);
	check_ok(shard_open(path, &s));
	check_ok(shard_check(&s, 301));
	check_fails(shard_check(&s, 300), -ERANGE, "token 300 at position 2");
	shard_close(&s);
	check_ok(shard_create(path, 2, &w));
	check_fails(shard_append(w, ids, 5), -ERANGE, "70000");
	shard_abort(w);
}
END_TEST

/* Until it is finished, a shard does not have its name; given up, nothing is left. */
START_TEST(all_or_nothing)
{
	static const uint32_t ids[] = { 1 };
	struct shard_writer *w;

	check_ok(shard_create(path, 2, &w));
	check_ok(shard_append(w, ids, 1));
	CHECK(!file_exists(path));
	shard_abort(w);
	shard_abort(NULL);
	CHECK(!file_exists(path));
	ck_assert_int_eq(rmdir(dir), 0);	/* empty */
	check_fails(shard_create(path, 2, &w), -ENOENT, "s.bin");
	ck_assert_int_eq(mkdir(dir, 0777), 0);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, both_widths);
	tcase_add_test(tc, layout);
	tcase_add_test(tc, empty_shard);
	tcase_add_test(tc, hostile);
	tcase_add_test(tc, cut_while_open);
	tcase_add_test(tc, out_of_vocabulary);
	tcase_add_test(tc, all_or_nothing);
}
TEST_REGISTER(shard, add);
