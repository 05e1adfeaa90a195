// SPDX-License-Identifier: MIT
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"

static char *dir;
static pid_t owner;

const struct fuzz_target *fuzz_find(const char *name)
{
	const struct fuzz_target *const *t;

	for (t = __start_knlp_fuzz_targets; t < __stop_knlp_fuzz_targets; t++)
		if (!strcmp((*t)->name, name))
			return *t;
	return NULL;
}

static void clean(void)
{
	if (dir && owner == getpid())
		dir_remove_tree(dir);
}

/* Memory is faster than a disk, where there is such a folder. */
static void make_folder(void)
{
	const char *tmp = getenv("TMPDIR");

	if (dir && owner == getpid())
		return;
	if (!access("/dev/shm", W_OK))
		tmp = "/dev/shm";
	free(dir);
	dir = str_printf("%s/knlp-fuzz-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!dir || !mkdtemp(dir)) {
		perror("mkdtemp");
		exit(1);
	}
	owner = getpid();
	atexit(clean);
}

const char *fuzz_file(const char *name, const uint8_t *data, size_t len)
{
	static char *path;
	FILE *f;

	make_folder();
	free(path);
	path = path_join(dir, name);
	f = path ? fopen(path, "wb") : NULL;
	if (!f || fwrite(data, 1, len, f) != len || fclose(f)) {
		perror(name);
		exit(1);
	}
	return path;
}

void fuzz_look(const void *data, size_t len)
{
	const volatile unsigned char *at = data;	/* so that no look is left out */

	for (size_t i = 0; i < len; i++)
		(void)at[i];
}
