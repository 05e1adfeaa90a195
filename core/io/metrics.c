// SPDX-License-Identifier: MIT
#include "io/metrics.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
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

static int parse_line(const char *path, long nr, const char *line, size_t len, cJSON **object)
{
	char *where = str_printf("%s:%ld", path, nr);
	int ret;

	if (!where)
		return fail_nomem(strlen(path), "a file name");
	ret = json_parse(where, line, len, object);
	if (!ret && !cJSON_IsObject(*object)) {
		ret = fail(-EINVAL, "%s: not a JSON object", where);
		cJSON_Delete(*object);
	}
	free(where);
	return ret;
}

#define WALK_ENDS	1

/*
 * Call @line for each whole line, with the offset of its end, until it returns WALK_ENDS
 * or an error.  Lines behind that are not looked at.
 */
static int walk(const char *path, int (*line)(void *ctx, const cJSON *object, off_t end),
		void *ctx)
{
	char *text = NULL;
	size_t cap = 0;
	cJSON *object;
	ssize_t len;
	long nr = 0;
	int ret = 0;
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		return fail_errno("%s", path);
	while (!ret && (len = getline(&text, &cap, f)) > 0 && text[len - 1] == '\n') {
		ret = parse_line(path, ++nr, text, len - 1, &object);
		if (ret)
			break;
		ret = line(ctx, object, ftello(f));
		cJSON_Delete(object);
	}
	if (ferror(f) && !ret)
		ret = fail_errno("%s", path);
	free(text);
	fclose(f);
	return ret == WALK_ENDS ? 0 : ret;
}

/* struct cut - where the file shall end. */
struct cut {
	const char *path;
	long long step;
	off_t end;
};

static int find_cut(void *ctx, const cJSON *object, off_t end)
{
	struct cut *cut = ctx;
	long long step;
	int ret;

	ret = json_int(cut->path, object, "step", 0, LLONG_MAX, &step);
	if (ret)
		return ret;
	if (step > cut->step)
		return WALK_ENDS;
	cut->end = end;
	return 0;
}

int metrics_rewind(struct metrics *m, long long step)
{
	struct cut cut = { .path = m->path, .step = step };
	int ret;

	if (step >= 0) {
		ret = walk(m->path, find_cut, &cut);
		if (ret)
			return ret;
	}
	if (ftruncate(m->fd, cut.end) || fsync(m->fd))
		return fail_errno("%s", m->path);
	m->end = cut.end;
	return 0;
}

/* struct visit - metrics_read()'s caller. */
struct visit {
	int (*line)(void *ctx, const cJSON *object);
	void *ctx;
};

static int visit_line(void *ctx, const cJSON *object, off_t end)
{
	const struct visit *v = ctx;

	(void)end;
	return v->line(v->ctx, object);
}

int metrics_read(const char *path, int (*line)(void *ctx, const cJSON *object), void *ctx)
{
	struct visit v = { .line = line, .ctx = ctx };

	return walk(path, visit_line, &v);
}
