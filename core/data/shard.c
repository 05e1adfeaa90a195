// SPDX-License-Identifier: MIT
#include "data/shard.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/strbuf.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "shards are little-endian");

static const struct {
	int32_t magic, version;
	int width;
} layouts[] = {
	{ 20240520, 1, 2 },
	{ 20240801, 7, 4 },
};

#define NR_LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

int shard_width(uint32_t vocab)
{
	return vocab <= 65536 ? 2 : 4;
}

/* @size: of the file, in bytes */
static int check_header(struct shard *s, const int32_t *header, uint64_t size)
{
	uint64_t holds;
	size_t i = 0;

	while (i < NR_LAYOUTS && layouts[i].magic != header[0])
		i++;
	if (i == NR_LAYOUTS)
		return fail(-EINVAL, "%s: not a token shard (magic %d, not %d or %d)", s->path,
			    header[0], layouts[0].magic, layouts[1].magic);
	if (header[1] != layouts[i].version)
		return fail(-EINVAL, "%s: token shard of version %d, not %d", s->path, header[1],
			    layouts[i].version);
	if (header[2] < 0)
		return fail(-EINVAL, "%s: header says %d tokens", s->path, header[2]);
	s->width = layouts[i].width;
	s->nr = header[2];
	size -= SHARD_HEADER_BYTES;
	holds = size / s->width;
	if (holds < s->nr)
		return fail(-EINVAL, "%s: truncated: header says %llu tokens, file holds %llu",
			    s->path, (unsigned long long)s->nr, (unsigned long long)holds);
	if (size != s->nr * s->width)
		return fail(-EINVAL, "%s: %llu bytes after the %llu tokens of the header", s->path,
			    (unsigned long long)(size - s->nr * s->width),
			    (unsigned long long)s->nr);
	return 0;
}

/* The file's size is checked when it is opened, but it may shrink later. */
static int read_bytes(const struct shard *s, uint64_t at, size_t len, void *out)
{
	char *to = out;

	while (len) {
		ssize_t n = pread(s->fd, to, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno("%s", s->path);
		if (!n)
			return fail(-EIO, "%s: was cut to %llu bytes while in use", s->path,
				    (unsigned long long)at);
		to += n;
		at += n;
		len -= n;
	}
	return 0;
}

static int open_file(struct shard *s)
{
	int32_t header[3];
	struct stat st;
	int ret;

	s->fd = open(s->path, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0 || fstat(s->fd, &st))
		return fail_errno("%s", s->path);
	if (!S_ISREG(st.st_mode))
		return fail(-EINVAL, "%s: not a regular file", s->path);
	if (st.st_size < SHARD_HEADER_BYTES)
		return fail(-EINVAL, "%s: not a token shard: %lld bytes, the header alone has %d",
			    s->path, (long long)st.st_size, SHARD_HEADER_BYTES);
	ret = read_bytes(s, 0, sizeof(header), header);
	return ret ? ret : check_header(s, header, st.st_size);
}

int shard_open(const char *path, struct shard *s)
{
	int ret;

	*s = (struct shard){ .path = strdup(path), .fd = -1 };
	if (!s->path)
		return fail_nomem(strlen(path), "a path");
	ret = open_file(s);
	if (ret)
		shard_close(s);
	return ret;
}

void shard_close(struct shard *s)
{
	if (s->path && s->fd >= 0)
		close(s->fd);
	free(s->path);
	*s = (struct shard){ 0 };
}

int shard_read(const struct shard *s, uint64_t at, size_t nr, uint32_t *out)
{
	uint64_t from = SHARD_HEADER_BYTES + at * s->width;
	uint16_t small[4096];

	if (s->width == 4)
		return read_bytes(s, from, nr * sizeof(*out), out);
	while (nr) {
		size_t n = nr < 4096 ? nr : 4096;
		int ret = read_bytes(s, from, n * sizeof(*small), small);

		if (ret)
			return ret;
		for (size_t i = 0; i < n; i++)
			out[i] = small[i];
		from += n * sizeof(*small);
		out += n;
		nr -= n;
	}
	return 0;
}

int shard_check(const struct shard *s, uint32_t vocab)
{
	uint32_t ids[4096];

	for (uint64_t at = 0; at < s->nr;) {
		size_t nr = s->nr - at < 4096 ? s->nr - at : 4096;
		int ret = shard_read(s, at, nr, ids);

		if (ret)
			return ret;
		for (size_t i = 0; i < nr; i++)
			if (ids[i] >= vocab)
				return fail(-ERANGE, "%s: token %u at position %llu is not below "
					    "the vocabulary of %u", s->path, ids[i],
					    (unsigned long long)(at + i), vocab);
		at += nr;
	}
	return 0;
}

struct shard_writer {
	char *path, *tmp;
	FILE *f;
	int width;
	uint64_t nr;
};

void shard_abort(struct shard_writer *w)
{
	if (!w)
		return;
	if (w->f) {
		fclose(w->f);
		unlink(w->tmp);
	}
	free(w->path);
	free(w->tmp);
	free(w);
}

int shard_create(const char *path, int width, struct shard_writer **out)
{
	static const char blank[SHARD_HEADER_BYTES];
	struct shard_writer *w = calloc(1, sizeof(*w));
	int ret;

	BUG_ON(width != 2 && width != 4);
	if (w) {
		w->width = width;
		w->path = strdup(path);
		w->tmp = str_printf("%s.tmp-%ld", path, (long)getpid());
	}
	if (!w || !w->path || !w->tmp) {
		ret = fail_nomem(strlen(path), "a shard");
		goto out_writer;
	}
	w->f = fopen(w->tmp, "wbxe");
	if (!w->f || fwrite(blank, sizeof(blank), 1, w->f) != 1) {
		ret = fail_errno("%s", w->tmp);
		goto out_writer;
	}
	*out = w;
	return 0;
out_writer:
	shard_abort(w);
	return ret;
}

/* To 16 bits, as far as the ids fit. Return: how many did. */
static size_t narrow(const uint32_t *ids, size_t nr, uint16_t *out)
{
	size_t i;

	for (i = 0; i < nr && ids[i] <= UINT16_MAX; i++)
		out[i] = ids[i];
	return i;
}

int shard_append(struct shard_writer *w, const uint32_t *ids, size_t nr)
{
	uint16_t small[4096];

	if (nr > SHARD_TOKENS_MAX - w->nr)
		return fail(-EFBIG, "%s: more than %d tokens in a shard", w->path,
			    SHARD_TOKENS_MAX);
	while (nr) {
		size_t n = nr < 4096 ? nr : 4096;
		const void *from = ids;

		if (w->width == 2) {
			size_t fits = narrow(ids, n, small);

			if (fits < n)
				return fail(-ERANGE, "%s: token %u does not fit in 16 bits",
					    w->path, ids[fits]);
			from = small;
		}
		if (fwrite(from, w->width, n, w->f) != n)
			return fail_errno("%s", w->path);
		w->nr += n;
		ids += n;
		nr -= n;
	}
	return 0;
}

/* The header comes last: until then its magic is 0, and the file is no shard. */
static int put_header(struct shard_writer *w)
{
	size_t i = w->width == layouts[0].width ? 0 : 1;
	int32_t header[3] = { layouts[i].magic, layouts[i].version, (int32_t)w->nr };

	if (fflush(w->f) || fseek(w->f, 0, SEEK_SET) ||
	    fwrite(header, sizeof(header), 1, w->f) != 1 || fflush(w->f) || fsync(fileno(w->f)))
		return fail_errno("%s", w->path);
	return 0;
}

int shard_finish(struct shard_writer *w)
{
	FILE *f = w->f;
	int ret;

	ret = put_header(w);
	if (ret)
		goto out_writer;
	w->f = NULL;
	if (fclose(f)) {
		ret = fail_errno("%s", w->path);
		unlink(w->tmp);
	} else if (rename(w->tmp, w->path)) {
		ret = fail_errno("%s", w->path);
		unlink(w->tmp);
	}
out_writer:
	shard_abort(w);
	return ret;
}
