// SPDX-License-Identifier: MIT
#include "io/safetensors.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "base/temporary.h"
#include "io/json.h"
#include "io/safetensors-internal.h"

#define DATA_ALIGN	64

/* struct writer - the file being written. */
struct writer {
	const char *path;
	int fd;
	struct hash hash;
	char *chunk;		/* ST_CHUNK bytes */
};

static int put(struct writer *w, const void *bytes, size_t len)
{
	const char *at = bytes;

	hash_update(&w->hash, bytes, len);
	while (len) {
		ssize_t n = write(w->fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno("%s", w->path);
		at += n;
		len -= n;
	}
	return 0;
}

static int check_entry(const char *path, const struct tensor_entry *e)
{
	size_t bytes;

	if (!e->fetch)
		return fail(-EINVAL, "%s: tensor '%s' has nothing to fetch it with", path, e->name);
	if (e->transposed && e->nd != 2)
		return fail(-EINVAL, "%s: tensor '%s' is to be transposed but has %d dimensions",
			    path, e->name, e->nd);
	return st_bytes(path, e->name, e->dtype, e->nd, e->shape, &bytes);
}

static size_t entry_bytes(const struct tensor_entry *e)
{
	size_t n = dtype_size(e->dtype);

	for (int d = 0; d < e->nd; d++)
		n *= e->shape[d];
	return n;
}

static int compare_names(const void *a, const void *b)
{
	const struct tensor_entry *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int compare_layout(const void *a, const void *b)
{
	const struct tensor_entry *const *x = a, *const *y = b;
	size_t sx = dtype_size((*x)->dtype), sy = dtype_size((*y)->dtype);

	if (sx != sy)
		return sx < sy ? 1 : -1;
	return (*x > *y) - (*x < *y);	/* else as the caller has them */
}

/* The entries in the order of the file, after each has been checked. */
static int plan_layout(const char *path, const struct tensor_entry *entries, size_t nr,
		       const struct tensor_entry ***order)
{
	const struct tensor_entry **o = malloc((nr + 1) * sizeof(*o));
	int ret = 0;

	if (!o)
		return fail_nomem((nr + 1) * sizeof(*o), "the layout of a safetensors file");
	for (size_t i = 0; i < nr && !ret; i++) {
		o[i] = &entries[i];
		ret = check_entry(path, o[i]);
	}
	if (ret)
		goto out_order;
	qsort(o, nr, sizeof(*o), compare_names);
	for (size_t i = 1; i < nr; i++)
		if (!strcmp(o[i - 1]->name, o[i]->name)) {
			ret = fail(-EINVAL, "%s: two tensors are called '%s'", path, o[i]->name);
			goto out_order;
		}
	qsort(o, nr, sizeof(*o), compare_layout);
	*order = o;
	return 0;
out_order:
	free(o);
	return ret;
}

static void add_tensor(struct strbuf *sb, const struct tensor_entry *e, size_t *offset)
{
	size_t end = *offset + entry_bytes(e);

	json_add_string(sb, e->name);
	strbuf_addf(sb, ":{\"dtype\":\"%s\",\"shape\":[", dtype_info(e->dtype)->safetensors);
	for (int d = 0; d < e->nd; d++)
		strbuf_addf(sb, "%s%lld", d ? "," : "",
			    (long long)e->shape[e->transposed ? 1 - d : d]);
	strbuf_addf(sb, "],\"data_offsets\":[%zu,%zu]}", *offset, end);
	*offset = end;
}

static int write_header(struct writer *w, const struct tensor_entry **order, size_t nr,
			const struct st_meta *meta, size_t nr_meta)
{
	unsigned char length[8];
	struct strbuf sb;
	size_t offset = 0;
	int ret;

	strbuf_init(&sb);
	strbuf_addc(&sb, '{');
	for (size_t i = 0; i < nr_meta; i++) {
		strbuf_adds(&sb, i ? "," : "\"__metadata__\":{");
		json_add_string(&sb, meta[i].key);
		strbuf_addc(&sb, ':');
		json_add_string(&sb, meta[i].value);
	}
	strbuf_adds(&sb, nr_meta ? "}" : "");
	for (size_t i = 0; i < nr; i++) {
		strbuf_adds(&sb, i || nr_meta ? "," : "");
		add_tensor(&sb, order[i], &offset);
	}
	strbuf_addc(&sb, '}');
	while ((sizeof(length) + sb.len) % DATA_ALIGN && !sb.failed)
		strbuf_addc(&sb, ' ');
	ret = strbuf_ok(&sb);
	if (ret)
		goto out_sb;
	if (sb.len > ST_HEADER_MAX) {
		ret = fail(-EFBIG, "%s: a header of %zu bytes is more than the format allows",
			   w->path, sb.len);
		goto out_sb;
	}
	for (int i = 0; i < 8; i++)
		length[i] = (unsigned char)((uint64_t)sb.len >> 8 * i);
	ret = put(w, length, sizeof(length));
	if (!ret)
		ret = put(w, sb.s, sb.len);
out_sb:
	strbuf_free(&sb);
	return ret;
}

static int write_plain(struct writer *w, const struct tensor_entry *e)
{
	size_t bytes = entry_bytes(e);
	int ret = 0;

	for (size_t at = 0; at < bytes && !ret; at += ST_CHUNK) {
		size_t len = bytes - at < ST_CHUNK ? bytes - at : ST_CHUNK;

		ret = e->fetch(e->ctx, at, len, w->chunk);
		if (ret)
			return fail_in(ret, "%s: tensor '%s'", w->path, e->name);
		ret = put(w, w->chunk, len);
	}
	return ret;
}

/* Every row of the file takes an element from each row in memory: fetch all of it. */
static int write_transposed(struct writer *w, const struct tensor_entry *e)
{
	size_t bytes = entry_bytes(e), size = dtype_size(e->dtype);
	size_t out = e->shape[0], in = e->shape[1];
	struct st_transpose tr = { .size = size, .rows = in, .cols = out };
	char *whole;
	int ret;

	if (!bytes)
		return 0;
	whole = malloc(bytes);
	if (!whole)
		return fail_nomem(bytes, e->name);
	ret = e->fetch(e->ctx, 0, bytes, whole);
	if (ret)
		ret = fail_in(ret, "%s: tensor '%s'", w->path, e->name);
	for (size_t at = 0; at < in * out && !ret;) {
		size_t n = st_transpose_piece(&tr, whole, at, w->chunk);

		ret = put(w, w->chunk, n * size);
		at += n;
	}
	free(whole);
	return ret;
}

static int write_all(struct writer *w, const struct tensor_entry **order, size_t nr,
		     const struct st_meta *meta, size_t nr_meta)
{
	int ret = write_header(w, order, nr, meta, nr_meta);

	for (size_t i = 0; i < nr && !ret; i++)
		ret = order[i]->transposed ? write_transposed(w, order[i])
					   : write_plain(w, order[i]);
	if (!ret && fsync(w->fd))
		ret = fail_errno("%s", w->path);
	return ret;
}

int st_write_new(const char *path, const struct tensor_entry *entries, size_t nr,
		 const struct st_meta *meta, size_t nr_meta, char hex[HASH_HEX])
{
	struct writer w = { .path = path };
	const struct tensor_entry **order = NULL;
	char ignored[HASH_HEX];
	int ret;

	ret = plan_layout(path, entries, nr, &order);
	if (ret)
		return ret;
	w.chunk = malloc(ST_CHUNK);
	if (!w.chunk) {
		ret = fail_nomem(ST_CHUNK, "a write buffer");
		goto out_order;
	}
	ret = hash_begin(&w.hash);
	if (ret)
		goto out_chunk;
	w.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (w.fd < 0) {
		ret = fail_errno("%s", path);
		goto out_hash;
	}
	ret = write_all(&w, order, nr, meta, nr_meta);
	if (close(w.fd) && !ret)
		ret = fail_errno("%s", path);
	if (ret)
		unlink(path);
out_hash:
	hash_end(&w.hash, hex ? hex : ignored);
out_chunk:
	free(w.chunk);
out_order:
	free(order);
	return ret;
}

int st_write(const char *path, const struct tensor_entry *entries, size_t nr,
	     const struct st_meta *meta, size_t nr_meta, char hex[HASH_HEX])
{
	char *tmp = str_printf("%s.tmp-%ld", path, (long)getpid()), *dir;
	int ret;

	if (!tmp)
		return fail_nomem(strlen(path), "a file name");
	if (file_is_stream(path)) {	/* rename() would put a file in its place */
		free(tmp);
		return fail(-EINVAL, "%s is a device or a pipe: safetensors are files", path);
	}
	unlink(tmp);	/* left by a process of the same number that died */
	temporary_add(tmp);
	ret = st_write_new(tmp, entries, nr, meta, nr_meta, hex);
	if (ret)
		goto out_tmp;
	if (rename(tmp, path)) {
		ret = fail_errno("%s", path);
		unlink(tmp);
		goto out_tmp;
	}
	dir = path_dir(path);
	ret = dir ? dir_fsync(dir) : fail_nomem(strlen(path), "a file name");
	free(dir);
out_tmp:
	temporary_done(tmp);
	free(tmp);
	return ret;
}
