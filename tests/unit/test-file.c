// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/temporary.h"
#include "tests/unit/test.h"

static char dir[64];

static void begin(void)
{
	strcpy(dir, "/tmp/knlp-test-file.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
}

static void end(void)
{
	ck_assert_int_eq(chdir("/"), 0);
	check_ok(dir_remove_tree(dir));
}

static int count_entries(const char *path)
{
	DIR *d = opendir(path);
	int nr = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d))
		nr++;
	closedir(d);
	return nr - 2;
}

static void check_content(const char *path, const char *want)
{
	char *bytes;
	size_t len;

	check_ok(file_read_all(path, 1 << 20, &bytes, &len));
	ck_assert_uint_eq(len, strlen(want));
	ck_assert_str_eq(bytes, want);
	free(bytes);
}

START_TEST(write_and_read)
{
	struct stat st;

	check_ok(file_write_atomic("f", "one", 3));
	check_content("f", "one");
	ck_assert_int_eq(chmod("f", 0640), 0);
	check_ok(file_write_atomic("f", "", 0));
	check_content("f", "");
	check_ok(file_write_atomic("./f", "three", 5));
	check_content("f", "three");
	ck_assert_int_eq(stat("f", &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0640);
	ck_assert_int_eq(count_entries("."), 1);
}
END_TEST

START_TEST(read_limits)
{
	static char big[10000];
	char *bytes;
	size_t len;

	memset(big, 'x', sizeof(big));
	check_ok(file_write_atomic("big", big, sizeof(big)));
	check_ok(file_read_all("big", sizeof(big), &bytes, &len));
	ck_assert_uint_eq(len, sizeof(big));
	free(bytes);
	check_fails(file_read_all("big", sizeof(big) - 1, &bytes, &len), -EFBIG, "big");
	check_fails(file_read_all("none", 10, &bytes, &len), -ENOENT, "none");
	check_fails(file_read_all(".", 10, &bytes, &len), -EISDIR, ".");
}
END_TEST

/* The old file stays, and nothing else is left behind. */
START_TEST(write_fails)
{
	check_fails(file_write_atomic("no/f", "x", 1), -ENOENT, "no/f");
	check_ok(dir_make("d"));
	check_fails(file_write_atomic("d", "x", 1), -EISDIR, "cannot write d");
	ck_assert_int_eq(count_entries("."), 1);
}
END_TEST

static int put_word(void *ctx, FILE *f)
{
	return fputs(ctx, f) < 0 ? -EIO : 0;
}

/* Nothing takes the place of a pipe; a link leads where it led. */
START_TEST(write_through)
{
	struct stat st;
	char got[8] = "";
	int fd;

	ck_assert_int_eq(mkfifo("pipe", 0600), 0);
	fd = open("pipe", O_RDWR);
	ck_assert_int_ge(fd, 0);
	ck_assert(file_is_stream("pipe"));
	check_ok(file_write_stream("pipe", put_word, "word"));
	ck_assert_int_eq(read(fd, got, sizeof(got)), 4);
	ck_assert_str_eq(got, "word");
	close(fd);
	ck_assert(!lstat("pipe", &st) && S_ISFIFO(st.st_mode));
	check_ok(file_write_atomic("f", "one", 3));
	ck_assert(!file_is_stream("f") && !file_is_stream(".") && !file_is_stream("none"));
	ck_assert_int_eq(symlink("f", "link"), 0);
	check_ok(file_write_atomic("link", "two", 3));
	ck_assert(!lstat("link", &st) && S_ISLNK(st.st_mode));
	check_content("f", "two");
	ck_assert_int_eq(count_entries("."), 3);
}
END_TEST

static int end_early(void *ctx, FILE *f)
{
	(void)ctx;
	(void)f;
	ck_assert_int_eq(count_entries("."), 1);
	temporary_on_signal();
	ck_assert_int_eq(count_entries("."), 0);
	return -EINTR;
}

/* A signal takes away what is being written, and nothing that is complete. */
START_TEST(temporaries)
{
	char name[64];

	CHECK(file_write_stream("f", end_early, NULL) == -EINTR);
	check_ok(dir_make("folder"));
	temporary_add("folder");
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "folder/a-name-of-some-length-%d", i);
		check_ok(file_write_atomic(name, "x", 1));
	}
	check_ok(file_write_atomic("whole", "x", 1));
	temporary_add("whole");
	temporary_done("whole");
	temporary_on_signal();
	ck_assert_int_eq(count_entries("."), 1);
	check_content("whole", "x");
}
END_TEST

/* A disk that is full while the bytes are written: a limit stands in for it. */
START_TEST(write_cut_short)
{
	static char big[10000];
	struct rlimit limit = { 5000, 5000 };

	check_ok(file_write_atomic("f", "old", 3));
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	check_fails(file_write_atomic("f", big, sizeof(big)), -EFBIG, "cannot write f: File too");
	check_content("f", "old");
	ck_assert_int_eq(count_entries("."), 1);
}
END_TEST

START_TEST(directories)
{
	check_ok(dir_make("a/b//c/"));
	check_ok(dir_make("a/b/c"));
	check_ok(file_write_atomic("a/b/f", "x", 1));
	check_fails(dir_make("a/b/f"), -ENOTDIR, "a/b/f");
	check_fails(dir_make("a/b/f/g"), -ENOTDIR, "a/b/f");
	check_ok(dir_fsync("a"));
	check_fails(dir_fsync("zzz"), -ENOENT, "zzz");
	ck_assert(file_exists("a/b/c"));
	ck_assert(!file_exists("a/b/d"));
}
END_TEST

START_TEST(remove_tree)
{
	check_ok(dir_make("keep"));
	check_ok(file_write_atomic("keep/f", "x", 1));
	check_ok(dir_make("a/b/c"));
	check_ok(file_write_atomic("a/b/f", "x", 1));
	ck_assert_int_eq(symlink("../keep", "a/link"), 0);
	ck_assert_int_eq(symlink("nowhere", "a/broken"), 0);
	check_ok(dir_remove_tree("a"));
	ck_assert(!file_exists("a"));
	ck_assert(file_exists("keep/f"));
	check_ok(dir_remove_tree("a"));
	check_ok(dir_remove_tree("keep/f"));
	ck_assert_int_eq(count_entries("keep"), 0);
}
END_TEST

static void check_path(char *got, const char *want)
{
	ck_assert_str_eq(got, want);
	free(got);
}

START_TEST(paths)
{
	check_path(path_join("a", "b"), "a/b");
	check_path(path_join("a/", "b"), "a/b");
	check_path(path_join("", "b"), "b");
	check_path(path_join("a", "/b"), "/b");
	check_path(path_dir("a/b/c"), "a/b");
	check_path(path_dir("c"), ".");
	check_path(path_dir("/c"), "/");
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, write_and_read);
	tcase_add_test(tc, read_limits);
	tcase_add_test(tc, write_fails);
	tcase_add_test(tc, write_through);
	tcase_add_test(tc, temporaries);
	tcase_add_test(tc, write_cut_short);
	tcase_add_test(tc, directories);
	tcase_add_test(tc, remove_tree);
	tcase_add_test(tc, paths);
}
TEST_REGISTER(file, add);
