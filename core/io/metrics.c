// SPDX-License-Identifier: MIT
#include "io/metrics.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "io/json.h"

struct metrics {
	char *path;
	int fd;
	off_t end;		/* of the last whole line */
	struct strbuf line;
};

int metrics_open(const char *path, struct metrics **out)
{
	struct metrics *m = calloc(1, sizeof(*m));
	int ret;

	*out = NULL;
	if (!m)
		return fail_nomem(sizeof(*m), path);
	strbuf_init(&m->line);
	m->fd = -1;
	m->path = strdup(path);
	if (!m->path) {
		ret = fail_nomem(strlen(path), "a file name");
		goto out_m;
	}
	m->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (m->fd >= 0)
		m->end = lseek(m->fd, 0, SEEK_END);
	if (m->fd < 0 || m->end < 0) {
		ret = fail_errno("%s", path);
		goto out_m;
	}
	*out = m;
	return 0;
out_m:
	metrics_close(m);
	return ret;
}

void metrics_close(struct metrics *m)
{
	if (!m)
		return;
	if (m->fd >= 0)
		close(m->fd);
	strbuf_free(&m->line);
	free(m->path);
	free(m);
}

static void add_key(struct metrics *m, const char *key)
{
	strbuf_addc(&m->line, ',');
	json_add_string(&m->line, key);
	strbuf_addc(&m->line, ':');
}

void metrics_begin(struct metrics *m, const char *event, long long step)
{
	strbuf_free(&m->line);
	strbuf_adds(&m->line, "{\"event\":");
	json_add_string(&m->line, event);
	metrics_int(m, "step", step);
}

void metrics_int(struct metrics *m, const char *key, long long value)
{
	add_key(m, key);
	strbuf_addf(&m->line, "%lld", value);
}

void metrics_real(struct metrics *m, const char *key, double value)
{
	add_key(m, key);
	json_add_double(&m->line, value);
}

void metrics_text(struct metrics *m, const char *key, const char *value)
{
	add_key(m, key);
	json_add_string(&m->line, value);
}

int metrics_end(struct metrics *m)
{
	ssize_t n;
	int ret;

	strbuf_adds(&m->line, "}\n");
	ret = strbuf_ok(&m->line);
	if (ret)
		return ret;
	do {
		n = write(m->fd, m->line.s, m->line.len);
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)m->line.len) {
		m->end += n;
		return 0;
	}
	if (n >= 0)
		errno = ENOSPC;		/* what cuts a write to a regular file short */
	ret = fail_errno("%s", m->path);
	if (n > 0 && ftruncate(m->fd, m->end))
		return fail_in(ret, "half a line was written");
	return ret;
}

int metrics_sync(struct metrics *m)
{
	return fsync(m->fd) ? fail_errno("%s", m->path) : 0;
}

/* struct cut - where the file shall end. */
struct cut {
	long long step;
	off_t end;
};

static int find_cut(void *ctx, const struct metrics_line *l, long long end)
{
	struct cut *cut = ctx;
	long long step;
	int ret;

	ret = metrics_step(l, &step);
	if (ret)
		return ret;
	if (step > cut->step)
		return METRICS_ENOUGH;
	cut->end = end;
	return 0;
}

int metrics_rewind(struct metrics *m, long long step)
{
	struct cut cut = { .step = step };
	int ret;

	if (step >= 0) {
		ret = metrics_walk(m->path, find_cut, &cut);
		if (ret)
			return ret;
	}
	if (ftruncate(m->fd, cut.end) || fsync(m->fd))
		return fail_errno("%s", m->path);
	m->end = cut.end;
	return 0;
}

static int append(struct metrics *m, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(m->fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno("%s", m->path);
		m->end += n;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

int metrics_copy(struct metrics *m, const char *from, long long step)
{
	struct cut cut = { .step = step };
	char *text = NULL;
	size_t len;
	int ret = metrics_walk(from, find_cut, &cut);

	if (!ret)
		ret = file_read_all(from, SIZE_MAX, &text, &len);
	if (!ret && (off_t)len < cut.end)
		ret = fail(-EINVAL, "%s: was cut while it was read", from);
	if (!ret)
		ret = append(m, text, (size_t)cut.end);
	free(text);
	return ret ? ret : metrics_sync(m);
}
