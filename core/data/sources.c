// SPDX-License-Identifier: MIT
#include "data/sources.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

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

/* Text that was not unpacked would train a model on noise. */
static int refuse_compressed(const char *path, const char *s, size_t len)
{
	static const struct {
		const char *name, *magic;
	} formats[] = {
		{ "gzip", "\x1f\x8b" }, { "xz", "\xfd" "7zXZ" }, { "bzip2", "BZh" },
		{ "zstd", "\x28\xb5\x2f\xfd" }, { "zip", "PK\x03\x04" },
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		size_t n = strlen(formats[i].magic);

		if (len >= n && !memcmp(s, formats[i].magic, n))
			return fail(-EINVAL, "%s: compressed (%s): unpack it first", path,
				    formats[i].name);
	}
	return 0;
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
		return fail(-EINVAL, "%s: empty", src->path);
	map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return fail_errno("%s: cannot map %lld bytes", src->path, (long long)st.st_size);
	src->text = map;
	src->len = st.st_size;
	madvise(map, src->len, MADV_SEQUENTIAL);
	return 0;
}

int source_open(const char *path, const char *mark, struct source *src)
{
	const char *text;
	struct cutter c;
	size_t len;
	int fd, ret;

	*src = (struct source){ .path = path };
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);	/* a FIFO must not block */
	if (fd < 0)
		return fail_errno("%s", path);
	ret = map_source(src, fd);
	close(fd);
	if (ret)
		return ret;
	ret = refuse_compressed(path, src->text, src->len);
	if (ret) {
		source_close(src);
		return ret;
	}
	hash_bytes(src->text, src->len, src->hash);
	src->has_marks = memmem(src->text, src->len, mark, strlen(mark)) != NULL;
	c = cutter_begin(src, mark, 0);
	while (cutter_next(&c, &text, &len))
		src->documents++;
	return 0;
}

void source_close(struct source *src)
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
