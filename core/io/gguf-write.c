// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "block/block.h"
#include "io/gguf-internal.h"

struct out_tensor {
	char *name;
	const struct ggml_type *type;
	int nd;
	int64_t shape[GGUF_DIMS_MAX];
	int64_t bytes;
	int (*write)(void *ctx, FILE *f);
	void *ctx;
};

struct gguf_writer {
	struct strbuf values;		/* as in the file */
	char **keys;			/* (nr_values) */
	size_t nr_values, cap_values;
	struct out_tensor *tensors;
	size_t nr_tensors, cap_tensors;
	int error;			/* the first one, and what was said then */
	char *message;
};

struct gguf_writer *gguf_writer_new(void)
{
	struct gguf_writer *w = calloc(1, sizeof(*w));

	if (w)
		strbuf_init(&w->values);
	else
		fail_nomem(sizeof(*w), "a GGUF file");
	return w;
}

void gguf_writer_free(struct gguf_writer *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->nr_values; i++)
		free(w->keys[i]);
	for (size_t i = 0; i < w->nr_tensors; i++)
		free(w->tensors[i].name);
	free(w->keys);
	free(w->tensors);
	free(w->message);
	strbuf_free(&w->values);
	free(w);
}

/* Keep the error just recorded for gguf_write(). */
static void keep_error(struct gguf_writer *w, int error)
{
	if (w->error)
		return;
	w->error = error;
	w->message = strdup(fail_message());
}

/* Room for one more in @list of items of @size; NULL after an error. */
static void *grow(struct gguf_writer *w, void *list, size_t nr, size_t *cap, size_t size)
{
	size_t more = *cap ? 2 * *cap : 64;
	void *larger = list;

	if (w->error)
		return NULL;
	if (nr < *cap)
		return list;
	larger = realloc(list, more * size);
	if (larger)
		*cap = more;
	else
		keep_error(w, fail_nomem(more * size, "a GGUF file"));
	return larger;
}

/* ---- values ------------------------------------------------------------------------ */

static void add_int(struct strbuf *sb, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		strbuf_addc(sb, (char)(value >> 8 * i));
}

static void add_string(struct strbuf *sb, const char *bytes, size_t len)
{
	add_int(sb, len, 8);
	strbuf_add(sb, bytes, len);
}

static bool begin(struct gguf_writer *w, const char *key, size_t len, enum gguf_type type)
{
	char **keys = grow(w, w->keys, w->nr_values, &w->cap_values, sizeof(*keys));

	if (!keys)
		return false;
	w->keys = keys;
	keys[w->nr_values] = strndup(key, len);
	if (!keys[w->nr_values]) {
		keep_error(w, fail_nomem(len, "a key"));
		return false;
	}
	w->nr_values++;
	add_string(&w->values, key, len);
	add_int(&w->values, type, 4);
	return true;
}

static bool begin_array(struct gguf_writer *w, const char *key, enum gguf_type item, uint64_t nr)
{
	if (!begin(w, key, strlen(key), GGUF_ARRAY))
		return false;
	add_int(&w->values, item, 4);
	add_int(&w->values, nr, 8);
	return true;
}

void gguf_put_u32(struct gguf_writer *w, const char *key, uint32_t value)
{
	if (begin(w, key, strlen(key), GGUF_U32))
		add_int(&w->values, value, 4);
}

static uint32_t float_bits(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, 4);
	return bits;
}

void gguf_put_f32(struct gguf_writer *w, const char *key, float value)
{
	if (begin(w, key, strlen(key), GGUF_F32))
		add_int(&w->values, float_bits(value), 4);
}

void gguf_put_bool(struct gguf_writer *w, const char *key, bool value)
{
	if (begin(w, key, strlen(key), GGUF_BOOL))
		add_int(&w->values, value, 1);
}

void gguf_put_string(struct gguf_writer *w, const char *key, const char *bytes, size_t len)
{
	if (begin(w, key, strlen(key), GGUF_STRING))
		add_string(&w->values, bytes, len);
}

void gguf_put_strings(struct gguf_writer *w, const char *key, const struct gguf_string *items,
		      uint64_t nr)
{
	if (!begin_array(w, key, GGUF_STRING, nr))
		return;
	for (uint64_t i = 0; i < nr; i++)
		add_string(&w->values, items[i].bytes, items[i].len);
}

void gguf_put_i32s(struct gguf_writer *w, const char *key, const int32_t *items, uint64_t nr)
{
	if (!begin_array(w, key, GGUF_I32, nr))
		return;
	for (uint64_t i = 0; i < nr; i++)
		add_int(&w->values, (uint32_t)items[i], 4);
}

void gguf_put_bools(struct gguf_writer *w, const char *key, const bool *items, uint64_t nr)
{
	if (!begin_array(w, key, GGUF_BOOL, nr))
		return;
	for (uint64_t i = 0; i < nr; i++)
		add_int(&w->values, items[i], 1);
}

void gguf_put_f32s(struct gguf_writer *w, const char *key, const float *items, uint64_t nr)
{
	if (!begin_array(w, key, GGUF_F32, nr))
		return;
	for (uint64_t i = 0; i < nr; i++)
		add_int(&w->values, float_bits(items[i]), 4);
}

void gguf_put_value(struct gguf_writer *w, const struct gguf_value *v)
{
	struct gguf_string align = { GGUF_ALIGN_KEY, strlen(GGUF_ALIGN_KEY) };

	/* The alignment is that of the file where it was, not of this one. */
	if (v->key.len == align.len && !memcmp(v->key.bytes, align.bytes, align.len))
		return;
	if (!begin(w, v->key.bytes, v->key.len, v->type))
		return;
	if (v->type == GGUF_ARRAY) {
		add_int(&w->values, v->item, 4);
		add_int(&w->values, v->nr, 8);
	}
	strbuf_add(&w->values, v->data, v->bytes);
}

/* ---- tensors ----------------------------------------------------------------------- */

static int plan_tensor(struct out_tensor *t, const char *name, enum dtype dtype)
{
	int64_t row = t->nd ? t->shape[t->nd - 1] : 1;

	if (strlen(name) > GGUF_NAME_MAX)
		return fail(-EINVAL, "tensor '%s': GGUF files hold names of up to %d bytes", name,
			    GGUF_NAME_MAX);
	t->type = ggml_type(dtype_ggml(dtype));
	if (!t->type)
		return fail(-EINVAL, "tensor '%s': GGUF files hold no %s", name,
			    dtype_info(dtype)->name);
	if (row % t->type->block)
		return fail(-EINVAL, "tensor '%s' has rows of %lld, no whole blocks of %d (%s)",
			    name, (long long)row, t->type->block, t->type->name);
	t->bytes = row / t->type->block * t->type->bytes;
	for (int d = 0; d < t->nd - 1; d++)
		t->bytes *= t->shape[d];
	t->name = strdup(name);
	return t->name ? 0 : fail_nomem(strlen(name), "a tensor's name");
}

void gguf_put_tensor(struct gguf_writer *w, const char *name, enum dtype dtype, int nd,
		     const int64_t *shape, int (*write)(void *ctx, FILE *f), void *ctx)
{
	struct out_tensor t = { .nd = nd, .write = write, .ctx = ctx }, *list;
	int ret;

	BUG_ON(nd < 0 || nd > GGUF_DIMS_MAX);
	list = grow(w, w->tensors, w->nr_tensors, &w->cap_tensors, sizeof(*list));
	if (!list)
		return;
	w->tensors = list;
	for (int d = 0; d < nd; d++)
		t.shape[d] = shape[d];
	ret = plan_tensor(&t, name, dtype);
	if (ret)
		keep_error(w, ret);
	else
		list[w->nr_tensors++] = t;
}

static void add_tensor(struct strbuf *sb, const struct out_tensor *t, uint64_t *offset)
{
	add_string(sb, t->name, strlen(t->name));
	add_int(sb, t->nd, 4);
	for (int d = t->nd - 1; d >= 0; d--)
		add_int(sb, t->shape[d], 8);
	add_int(sb, t->type->nr, 4);
	add_int(sb, *offset, 8);
	*offset += t->bytes;
	*offset += gguf_padding(*offset, GGUF_ALIGN);
}

/* ---- the file ---------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_unique(char *const *names, size_t nr, const char *what)
{
	const char **sorted = malloc((nr + 1) * sizeof(*sorted));
	int ret = 0;

	if (!sorted)
		return fail_nomem(nr * sizeof(*sorted), "names");
	for (size_t i = 0; i < nr; i++)
		sorted[i] = names[i];
	qsort(sorted, nr, sizeof(*sorted), compare_names);
	for (size_t i = 1; i < nr && !ret; i++)
		if (!strcmp(sorted[i - 1], sorted[i]))
			ret = fail(-EINVAL, "%s '%s' appears twice", what, sorted[i]);
	free(sorted);
	return ret;
}

static int check_names(const struct gguf_writer *w)
{
	char **names = malloc((w->nr_tensors + 1) * sizeof(*names));
	int ret;

	if (!names)
		return fail_nomem(w->nr_tensors * sizeof(*names), "names");
	for (size_t i = 0; i < w->nr_tensors; i++)
		names[i] = w->tensors[i].name;
	ret = check_unique(w->keys, w->nr_values, "key");
	if (!ret)
		ret = check_unique(names, w->nr_tensors, "tensor");
	free(names);
	return ret;
}

static int put_padding(FILE *f, uint64_t bytes)
{
	static const char zeros[GGUF_ALIGN];

	return fwrite(zeros, 1, bytes, f) == bytes ? 0 : fail_errno("padding");
}

static int write_header(const struct gguf_writer *w, FILE *f)
{
	struct strbuf sb;
	uint64_t offset = 0;
	int ret;

	strbuf_init(&sb);
	strbuf_adds(&sb, "GGUF");
	add_int(&sb, GGUF_VERSION, 4);
	add_int(&sb, w->nr_tensors, 8);
	add_int(&sb, w->nr_values, 8);
	strbuf_add(&sb, w->values.s, w->values.len);
	for (size_t i = 0; i < w->nr_tensors; i++)
		add_tensor(&sb, &w->tensors[i], &offset);
	ret = strbuf_ok(&sb);
	if (!ret && fwrite(sb.s, 1, sb.len, f) != sb.len)
		ret = fail_errno("the header");
	if (!ret)
		ret = put_padding(f, gguf_padding(sb.len, GGUF_ALIGN));
	strbuf_free(&sb);
	return ret;
}

static int write_tensor(const struct out_tensor *t, FILE *f)
{
	off_t from = ftello(f);
	int ret = t->write(t->ctx, f);

	if (ret)
		return fail_in(ret, "tensor '%s'", t->name);
	if (ferror(f))
		return fail_errno("tensor '%s'", t->name);
	BUG_ON(ftello(f) - from != t->bytes);
	return put_padding(f, gguf_padding(t->bytes, GGUF_ALIGN));
}

static int write_all(void *ctx, FILE *f)
{
	const struct gguf_writer *w = ctx;
	int ret = write_header(w, f);

	for (size_t i = 0; i < w->nr_tensors && !ret; i++)
		ret = write_tensor(&w->tensors[i], f);
	return ret;
}

static int check_all(const struct gguf_writer *w, const char *path)
{
	int ret = w->error;

	if (ret)
		return fail(ret, "%s: %s", path, w->message ? w->message : "out of memory");
	ret = strbuf_ok(&w->values);
	if (!ret)
		ret = check_names(w);
	return ret ? fail_in(ret, "%s", path) : 0;
}

int gguf_write(struct gguf_writer *w, const char *path)
{
	int ret = check_all(w, path);

	return ret ? ret : file_write_stream(path, write_all, w);
}
