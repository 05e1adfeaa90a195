// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <signal.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/data-helper.h"

/* Ends with a message that names the input that an endless loop or a crash is in. */
static void run_file(const struct fuzz_target *t, const char *path)
{
	char *bytes;
	size_t len;

	check_ok(file_read_all(path, 1 << 24, &bytes, &len));
	mark_point();
	t->one((const uint8_t *)bytes, len);
	free(bytes);
}

static int run_folder(const struct fuzz_target *t)
{
	char *name = str_printf("tests/fuzz/corpus/%s", t->name), *path = tree_path(name);
	DIR *dir = opendir(path);
	struct dirent *e;
	int nr = 0;

	ck_assert_msg(dir != NULL, "no folder %s", name);
	while ((e = readdir(dir))) {
		char *file = path_join(path, e->d_name);

		if (*e->d_name != '.') {
			run_file(t, file);
			nr++;
		}
		free(file);
	}
	closedir(dir);
	free(path);
	free(name);
	return nr;
}

/* Every target takes every input that it begins with, and those that once broke it. */
static void fuzz_corpus(void)
{
	const struct fuzz_target *const *t;

	for (t = __start_knlp_fuzz_targets; t < __stop_knlp_fuzz_targets; t++)
		ck_assert_msg(run_folder(*t) > 0, "no input for %s", (*t)->name);
}
TEST_REGISTER(fuzz_corpus);
