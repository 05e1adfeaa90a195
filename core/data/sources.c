// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "data/sources.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "data/text-file.h"

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool all_blank(const char *s, size_t len)
{
	while (len && is_blank(*s)) {
		s++;
		len--;
	}
	return !len;
}

static int map_source(struct source *src, int fd)
{
	struct stat st;
	void *map;

	if (fstat(fd, &st))
		return fail_errno("%s", src->path);
	if (!S_ISREG(st.st_mode))
		return fail(-EINVAL, "%s: not a regular file", src->path);
	if (!st.st_size)
		return fail(-EINVAL, "%s: the file is empty", src->path);
	map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return fail_errno("%s: cannot map %lld bytes", src->path, (long long)st.st_size);
	src->text = map;
	src->len = st.st_size;
	madvise(map, src->len, MADV_SEQUENTIAL);
	return 0;
}

/* A file without a name in $TMPDIR: it is gone when it is closed, whatever happens. */
static int open_spool(void)
{
	const char *dir = getenv("TMPDIR");
	char *path = path_join(dir && *dir ? dir : "/tmp", "knlp-XXXXXX");
	int fd = path ? mkostemp(path, O_CLOEXEC) : fail_nomem(64, "a path");

	if (path && fd < 0)
		fd = fail_errno("%s: cannot hold standard input", path);
	else if (path)
		unlink(path);
	free(path);
	return fd;
}

static int write_spool(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0)
			return fail_errno("cannot hold standard input in a temporary file "
					  "(TMPDIR says where)");
		bytes += n;
		len -= n;
	}
	return 0;
}

/* Documents are walked over more than once, so that a pipe must be kept somewhere. */
static int spool_stdin(void)
{
	int fd = open_spool(), ret = fd < 0 ? fd : 0;
	char bytes[1 << 15];
	ssize_t n = 1;

	while (!ret && n > 0) {
		n = read(STDIN_FILENO, bytes, sizeof(bytes));
		ret = n < 0 ? fail_errno("%s", TEXT_STDIN_NAME) : write_spool(fd, bytes, n);
	}
	if (ret && fd >= 0)
		close(fd);
	return ret ? ret : fd;
}

static int open_text(struct source *src)
{
	int fd;

	if (text_is_stdin(src->path)) {
		src->path = TEXT_STDIN_NAME;
		return spool_stdin();
	}
	fd = open(src->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);	/* a FIFO must not block */
	return fd < 0 ? fail_errno("%s", src->path) : fd;
}

int source_map(const char *path, const char *mark, struct source *src)
{
	const char *text;
	struct cutter c;
	size_t len;
	int fd, ret;

	*src = (struct source){ .path = path };
	fd = open_text(src);
	if (fd < 0)
		return fd;
	ret = map_source(src, fd);
	close(fd);
	if (ret)
		return ret;
	ret = text_refuse(src->path, src->text, src->len);
	if (ret) {
		source_unmap(src);
		return ret;
	}
	text_warn(src->path, src->text, src->len);
	hash_bytes(src->text, src->len, src->hash);
	src->has_marks = memmem(src->text, src->len, mark, strlen(mark)) != NULL;
	c = cutter_begin(src, mark, 0);
	while (cutter_next(&c, &text, &len))
		src->documents++;
	return 0;
}

void source_unmap(struct source *src)
{
	if (src->text)
		munmap(src->text, src->len);
	*src = (struct source){ 0 };
}

struct cutter cutter_begin(const struct source *src, const char *mark, size_t piece_bytes)
{
	return (struct cutter){ .src = src, .mark = mark, .piece_bytes = piece_bytes };
}

/* The next stretch between marks that is more than blanks. */
static bool next_document(struct cutter *c)
{
	const char *text = c->src->text;
	size_t len = c->src->len;

	while (c->at < len) {
		const char *mark = c->src->has_marks ?
			memmem(text + c->at, len - c->at, c->mark, strlen(c->mark)) : NULL;

		c->piece = c->at;
		c->end = mark ? (size_t)(mark - text) : len;
		c->at = mark ? c->end + strlen(c->mark) : len;
		while (c->src->has_marks && c->piece < c->end && strchr("\r\n", text[c->piece]) &&
		       text[c->piece])
			c->piece++;
		while (c->src->has_marks && c->piece < c->end && strchr("\r\n", text[c->end - 1]) &&
		       text[c->end - 1])
			c->end--;
		if (!all_blank(text + c->piece, c->end - c->piece))
			return true;
	}
	return false;
}

/* Where to end a piece of s; len is more than twice the size wanted. */
static size_t cut(const char *s, size_t size)
{
	for (size_t i = size; i < 2 * size; i++)
		if (s[i - 1] == '\n' && s[i] == '\n') {
			while (i < 2 * size && s[i] == '\n')
				i++;
			return i;
		}
	for (size_t i = 2 * size; i > size / 2; i--)
		if (s[i - 1] == '\n')
			return i;
	for (size_t i = 2 * size; i > size / 2; i--)
		if (is_blank(s[i]))
			return i;
	for (size_t i = 2 * size; i > 2 * size - 4 && i > 1; i--)
		if ((s[i] & 0xc0) != 0x80)
			return i;
	return 2 * size;
}

bool cutter_next(struct cutter *c, const char **text, size_t *len)
{
	do {
		size_t left = c->end - c->piece;

		if (!left) {
			if (!next_document(c))
				return false;
			left = c->end - c->piece;
		}
		*text = c->src->text + c->piece;
		*len = left;
		if (c->piece_bytes && left > 2 * c->piece_bytes)
			*len = cut(*text, c->piece_bytes);
		c->piece += *len;
	} while (all_blank(*text, *len));
	return true;
}
