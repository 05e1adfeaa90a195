// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/strbuf.h"
#include "base/temporary.h"

static int read_fd(int fd, const char *path, size_t max, char **bytes, size_t *len)
{
	size_t cap = 0, n = 0;
	char *buf = NULL;
	ssize_t got = 1;

	while (got) {
		if (n + 1 >= cap) {
			char *more = realloc(buf, cap ? 2 * cap : 4096);

			if (!more) {
				free(buf);
				return fail_nomem(2 * cap, path);
			}
			buf = more;
			cap = cap ? 2 * cap : 4096;
		}
		got = read(fd, buf + n, cap - n - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			free(buf);
			return fail_errno("%s", path);
		}
		n += got;
		if (n > max) {
			free(buf);
			return fail(-EFBIG, "%s: longer than %zu bytes", path, max);
		}
	}
	buf[n] = '\0';
	*bytes = buf;
	*len = n;
	return 0;
}

int file_read_all(const char *path, size_t max, char **bytes, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return fail_errno("%s", path);
	ret = read_fd(fd, path, max, bytes, len);
	close(fd);
	return ret;
}

int file_read_stdin(const char *name, size_t max, char **bytes, size_t *len)
{
	return read_fd(STDIN_FILENO, name, max, bytes, len);
}

/* A new file gets what the umask allows, as with open(), not mkstemp()'s 0600. */
static mode_t mode_for(const char *path)
{
	struct stat st;
	mode_t mask;

	if (!stat(path, &st))
		return st.st_mode & 07777;
	mask = umask(0);
	umask(mask);
	return 0666 & ~mask;
}

/* The descriptor goes with the stream.  @file: a new one, no device */
static int stream_to(int fd, const char *path, bool file,
		     int (*write)(void *ctx, FILE *f), void *ctx)
{
	FILE *f = fdopen(fd, "wb");
	int ret;

	if (!f) {
		ret = fail_errno("cannot write %s", path);
		close(fd);
		return ret;
	}
	ret = write(ctx, f);
	if (ret)
		fail_in(ret, "cannot write %s", path);
	else if (fflush(f) || (file && fsync(fd) && errno != EINVAL) ||
		 (file && fchmod(fd, mode_for(path))))
		ret = fail_errno("cannot write %s", path);
	if (fclose(f) && !ret)
		ret = fail_errno("cannot write %s", path);
	return ret;
}

/* A file in the place of a terminal or a pipe would be seen by nobody. */
static int write_through(const char *path, int (*write)(void *ctx, FILE *f), void *ctx)
{
	int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return fail_errno("cannot write %s", path);
	return stream_to(fd, path, false, write, ctx);
}

static int write_beside(const char *path, int (*write)(void *ctx, FILE *f), void *ctx)
{
	char *dir = path_dir(path), *temp = str_printf("%s.tmp-%ld", path, (long)getpid());
	int fd, ret;

	if (!dir || !temp) {
		ret = fail_nomem(strlen(path), path);
		goto out_names;
	}
	unlink(temp);		/* left by a process of the same number that died */
	temporary_add(temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		ret = fail_errno("cannot write %s", path);
		goto out_temp;
	}
	ret = stream_to(fd, path, true, write, ctx);
	if (!ret && rename(temp, path))
		ret = fail_errno("cannot write %s", path);
	if (ret)
		unlink(temp);
	else
		ret = dir_fsync(dir);
out_temp:
	temporary_done(temp);
out_names:
	free(temp);
	free(dir);
	return ret;
}

int file_write_stream(const char *path, int (*write)(void *ctx, FILE *f), void *ctx)
{
	char *target = NULL;
	struct stat st;
	int ret;

	if (file_is_stream(path))
		return write_through(path, write, ctx);
	if (!lstat(path, &st) && S_ISLNK(st.st_mode))
		target = realpath(path, NULL);	/* NULL: it leads nowhere, and is replaced */
	ret = write_beside(target ? target : path, write, ctx);
	free(target);
	return ret;
}

struct memory {
	const void *bytes;
	size_t len;
};

static int write_memory(void *ctx, FILE *f)
{
	const struct memory *m = ctx;

	return fwrite(m->bytes, 1, m->len, f) == m->len ? 0 : fail(-errno, "%s", strerror(errno));
}

int file_write_atomic(const char *path, const void *bytes, size_t len)
{
	struct memory m = { bytes, len };

	return file_write_stream(path, write_memory, &m);
}

bool file_exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

bool file_is_stream(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

int file_check_place(const char *path)
{
	char *dir;
	int ret;

	if (file_is_stream(path))
		return fail(-EINVAL, "%s is a device or a pipe, not a file", path);
	dir = path_dir(path);
	if (!dir)
		return fail_nomem(strlen(path), "a path");
	ret = access(dir, W_OK) ? fail_errno("%s: %s", path, dir) : 0;
	free(dir);
	return ret;
}

static int make_one(const char *path)
{
	struct stat st;

	if (!mkdir(path, 0777))
		return 0;
	if (errno != EEXIST)
		return fail_errno("cannot make directory %s", path);
	if (stat(path, &st) || !S_ISDIR(st.st_mode))
		return fail(-ENOTDIR, "%s: exists and is not a directory", path);
	return 0;
}

int dir_make(const char *path)
{
	char *part = strdup(path);
	int ret = 0;

	if (!part)
		return fail_nomem(strlen(path), path);
	for (char *s = part + 1; *part && *s && !ret; s++) {
		if (*s != '/')
			continue;
		*s = '\0';
		ret = make_one(part);
		*s = '/';
	}
	if (!ret)
		ret = make_one(path);
	free(part);
	return ret;
}

int dir_fsync(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return fail_errno("%s", path);
	if (fsync(fd) && errno != EINVAL)
		ret = fail_errno("cannot sync %s", path);
	close(fd);
	return ret;
}

static int remove_at(int parent, const char *name, const char *path);

/* Remove what is in directory @fd, and close it. */
static int empty_dir(int fd, const char *path)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int ret = 0;

	if (!dir) {
		ret = fail_errno("%s", path);
		close(fd);
		return ret;
	}
	while (!ret && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		ret = remove_at(fd, entry->d_name, path);
	}
	closedir(dir);
	return ret;
}

static int remove_at(int parent, const char *name, const char *path)
{
	int fd, ret;

	if (!unlinkat(parent, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return fail_errno("cannot remove %s in %s", name, path);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_errno("cannot remove %s in %s", name, path);
	ret = empty_dir(fd, path);
	if (!ret && unlinkat(parent, name, AT_REMOVEDIR))
		ret = fail_errno("cannot remove %s in %s", name, path);
	return ret;
}

int dir_remove_tree(const char *path)
{
	return remove_at(AT_FDCWD, path, path);
}

char *path_join(const char *dir, const char *name)
{
	size_t len = strlen(dir);

	if (*name == '/' || !len)
		return strdup(name);
	return str_printf("%s%s%s", dir, dir[len - 1] == '/' ? "" : "/", name);
}

char *path_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, slash - path);
}
