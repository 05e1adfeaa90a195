// SPDX-License-Identifier: MIT
#include "io/gguf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "block/block.h"
#include "io/gguf-internal.h"

/* The least that a key with its value takes, and a tensor's entry. */
#define VALUE_BYTES	(8 + 1 + 4 + 1)
#define TENSOR_BYTES	(8 + 1 + 4 + 4 + 8)

/* struct cursor - a place in the file; @end is where the file ends. */
struct cursor {
	const struct gguf *g;
	const unsigned char *at, *end;
};

static size_t left(const struct cursor *c)
{
	return c->end - c->at;
}

static int cut_short(const struct cursor *c, const char *what)
{
	return fail(-EINVAL, "%s: cut short in %s, at byte %td", c->g->file.path, what,
		    c->at - c->g->file.bytes);
}

static int take_int(struct cursor *c, int bytes, const char *what, uint64_t *value)
{
	*value = 0;
	if (left(c) < (size_t)bytes)
		return cut_short(c, what);
	*value = gguf_load(c->at, bytes);
	c->at += bytes;
	return 0;
}

static int take_string(struct cursor *c, const char *what, struct gguf_string *s)
{
	uint64_t len;
	int ret = take_int(c, 8, what, &len);

	if (ret)
		return ret;
	if (len > left(c))
		return fail(-EINVAL, "%s: %s is said to have %llu bytes, the file has %zu more",
			    c->g->file.path, what, (unsigned long long)len, left(c));
	*s = (struct gguf_string){ (const char *)c->at, len };
	c->at += len;
	return 0;
}

/* Names appear in messages and in other formats: ASCII that can be printed, as GGUF asks for. */
static int check_name(const struct gguf *g, const char *what, size_t nr, struct gguf_string s,
		      size_t max)
{
	if (!s.len || s.len > max)
		return fail(-EINVAL, "%s: the name of %s %zu has %zu bytes, not 1 to %zu",
			    g->file.path, what, nr, s.len, max);
	for (size_t i = 0; i < s.len; i++)
		if (s.bytes[i] < 0x20 || s.bytes[i] > 0x7e)
			return fail(-EINVAL, "%s: the name of %s %zu is no ASCII text",
				    g->file.path, what, nr);
	return 0;
}

/* ---- keys and values ------------------------------------------------------------ */

static int check_bools(const struct gguf *g, const struct gguf_value *v)
{
	for (uint64_t i = 0; i < v->nr; i++)
		if (v->data[i] > 1)
			return fail(-EINVAL, "%s: key '%.*s': %d is no bool", g->file.path,
				    (int)v->key.len, v->key.bytes, v->data[i]);
	return 0;
}

static int take_type(struct cursor *c, const struct gguf_value *v, enum gguf_type *type)
{
	uint64_t nr;
	int ret = take_int(c, 4, "the type of a value", &nr);

	if (ret)
		return ret;
	if (nr >= GGUF_TYPES)
		return fail(-EINVAL, "%s: key '%.*s' has a value of the unknown type %llu",
			    c->g->file.path, (int)v->key.len, v->key.bytes,
			    (unsigned long long)nr);
	*type = nr;
	return 0;
}

/* A string takes at least the 8 bytes of its length, so @nr is backed by the file. */
static int take_strings(struct cursor *c, struct gguf_value *v)
{
	struct gguf_string s;
	uint64_t *starts;
	char what[96];
	int ret = 0;

	snprintf(what, sizeof(what), "a string of key '%.*s'",
		 (int)(v->key.len < 64 ? v->key.len : 64), v->key.bytes);
	if (v->nr > left(c) / 8)
		return fail(-EINVAL, "%s: key '%.*s' is said to have %llu strings, which the file "
			    "is too short for", c->g->file.path, (int)v->key.len, v->key.bytes,
			    (unsigned long long)v->nr);
	if (v->type == GGUF_ARRAY) {
		starts = malloc((v->nr + 1) * sizeof(*starts));
		if (!starts)
			return fail_nomem(v->nr * sizeof(*starts), "an array of strings");
		v->starts = starts;
		for (uint64_t i = 0; i < v->nr && !ret; i++) {
			starts[i] = c->at - v->data;
			ret = take_string(c, what, &s);
		}
	} else {
		ret = take_string(c, what, &s);
	}
	v->bytes = c->at - v->data;
	return ret;
}

static int take_items(struct cursor *c, struct gguf_value *v)
{
	size_t size = gguf_item_bytes(v->item);

	v->data = c->at;
	if (v->item == GGUF_STRING)
		return take_strings(c, v);
	if (v->nr > left(c) / size)
		return fail(-EINVAL, "%s: key '%.*s' is said to have %llu items, which the file is "
			    "too short for", c->g->file.path, (int)v->key.len, v->key.bytes,
			    (unsigned long long)v->nr);
	v->bytes = v->nr * size;
	c->at += v->bytes;
	return v->item == GGUF_BOOL ? check_bools(c->g, v) : 0;
}

static int take_value(struct cursor *c, size_t nr, struct gguf_value *v)
{
	int ret = take_string(c, "a key", &v->key);

	if (!ret)
		ret = check_name(c->g, "key", nr, v->key, GGUF_KEY_MAX);
	if (!ret)
		ret = take_type(c, v, &v->type);
	if (ret)
		return ret;
	v->item = v->type;
	v->nr = 1;
	if (v->type == GGUF_ARRAY) {
		ret = take_type(c, v, &v->item);
		if (!ret)
			ret = take_int(c, 8, "an array", &v->nr);
		if (!ret && v->item == GGUF_ARRAY)
			ret = fail(-EINVAL, "%s: key '%.*s' is an array of arrays",
				   c->g->file.path, (int)v->key.len, v->key.bytes);
	}
	return ret ? ret : take_items(c, v);
}

static int compare_strings(struct gguf_string a, struct gguf_string b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = memcmp(a.bytes, b.bytes, len);

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_values(const void *a, const void *b)
{
	const struct gguf_value *const *x = a, *const *y = b;

	return compare_strings((*x)->key, (*y)->key);
}

static int read_values(struct gguf *g, struct cursor *c)
{
	size_t nr = g->nr_values;
	int ret = 0;

	g->values = calloc(nr + 1, sizeof(*g->values));
	g->by_key = calloc(nr + 1, sizeof(*g->by_key));
	if (!g->values || !g->by_key)
		return fail_nomem(nr * sizeof(*g->values), "the keys of a GGUF file");
	for (size_t i = 0; i < nr && !ret; i++) {
		ret = take_value(c, i, &g->values[i]);
		g->by_key[i] = &g->values[i];
	}
	if (ret)
		return ret;
	qsort(g->by_key, nr, sizeof(*g->by_key), compare_values);
	for (size_t i = 1; i < nr; i++)
		if (!compare_values(&g->by_key[i - 1], &g->by_key[i]))
			return fail(-EINVAL, "%s: key '%.*s' appears twice", g->file.path,
				    (int)g->by_key[i]->key.len, g->by_key[i]->key.bytes);
	return 0;
}

static int compare_key(const void *key, const void *value)
{
	return compare_strings(*(const struct gguf_string *)key,
			       (*(const struct gguf_value *const *)value)->key);
}

const struct gguf_value *gguf_has(const struct gguf *g, const char *key)
{
	struct gguf_string s = { key, strlen(key) };
	const struct gguf_value **found = bsearch(&s, g->by_key, g->nr_values,
						  sizeof(*g->by_key), compare_key);

	return found ? *found : NULL;
}

static int read_alignment(struct gguf *g)
{
	const struct gguf_value *v = gguf_has(g, GGUF_ALIGN_KEY);

	g->align = GGUF_ALIGN;
	if (!v)
		return 0;
	if (v->type != GGUF_U32)
		return fail(-EINVAL, "%s: key '" GGUF_ALIGN_KEY "' is not a u32", g->file.path);
	g->align = gguf_load(v->data, 4);
	if (g->align < 8 || (g->align & (g->align - 1)))
		return fail(-EINVAL, "%s: '" GGUF_ALIGN_KEY "' is %llu, no power of two from 8",
			    g->file.path, (unsigned long long)g->align);
	return 0;
}

/* ---- tensors --------------------------------------------------------------------- */

static int take_name(struct cursor *c, size_t nr, struct gguf_tensor *t)
{
	struct gguf_string s;
	int ret = take_string(c, "a tensor's name", &s);

	if (!ret)
		ret = check_name(c->g, "tensor", nr, s, GGUF_NAME_MAX);
	if (ret)
		return ret;
	memcpy(c->g->names[nr], s.bytes, s.len);
	t->name = c->g->names[nr];
	return 0;
}

/* The file counts dimensions from the innermost one. */
static int take_shape(struct cursor *c, struct gguf_tensor *t)
{
	uint64_t nd, n;
	int ret = take_int(c, 4, "a tensor", &nd);

	if (ret)
		return ret;
	if (nd > GGUF_DIMS_MAX)
		return fail(-EINVAL, "%s: tensor '%s' has %llu dimensions, at most %d are possible",
			    c->g->file.path, t->name, (unsigned long long)nd, GGUF_DIMS_MAX);
	t->nd = (int)nd;
	for (int d = t->nd - 1; d >= 0; d--) {
		ret = take_int(c, 8, "a tensor", &n);
		if (ret)
			return ret;
		if (n > INT64_MAX)
			return fail(-EINVAL, "%s: tensor '%s' has a negative dimension",
				    c->g->file.path, t->name);
		t->shape[d] = (int64_t)n;
	}
	return 0;
}

static int take_ggml_type(struct cursor *c, struct gguf_tensor *t, const struct ggml_type **type)
{
	uint64_t nr;
	int ret = take_int(c, 4, "a tensor", &nr), dtype;

	if (ret)
		return ret;
	*type = nr < 1000 ? ggml_type((int)nr) : NULL;
	if (!*type)
		return fail(-EINVAL, "%s: tensor '%s' has the unknown type %llu", c->g->file.path,
			    t->name, (unsigned long long)nr);
	t->ggml = (int)nr;
	dtype = dtype_from_ggml(t->ggml);
	t->dtype = dtype < 0 ? DT_COUNT : dtype;
	return 0;
}

static int tensor_bytes(const struct gguf *g, struct gguf_tensor *t, const struct ggml_type *type)
{
	int64_t row = t->nd ? t->shape[t->nd - 1] : 1, bytes;

	if (row % type->block)
		return fail(-EINVAL, "%s: tensor '%s' has rows of %lld, no whole blocks of %d (%s)",
			    g->file.path, t->name, (long long)row, type->block, type->name);
	bytes = row / type->block;
	if (__builtin_mul_overflow(bytes, (int64_t)type->bytes, &bytes))
		goto too_large;
	for (int d = 0; d < t->nd - 1; d++)
		if (__builtin_mul_overflow(bytes, t->shape[d], &bytes))
			goto too_large;
	t->bytes = bytes;
	return 0;
too_large:
	return fail(-EINVAL, "%s: tensor '%s' is too large to be true", g->file.path, t->name);
}

/* Offsets count from the data section, whose place is known only after the last entry. */
static int take_tensor(struct cursor *c, size_t nr, uint64_t *offset)
{
	struct gguf *g = (struct gguf *)c->g;
	struct gguf_tensor *t = &g->tensors[nr];
	const struct ggml_type *type;
	uint64_t at;
	int ret = take_name(c, nr, t);

	if (!ret)
		ret = take_shape(c, t);
	if (!ret)
		ret = take_ggml_type(c, t, &type);
	if (!ret)
		ret = take_int(c, 8, "a tensor", &at);
	if (!ret)
		ret = tensor_bytes(g, t, type);
	if (ret)
		return ret;
	if (at != *offset)
		return fail(-EINVAL, "%s: tensor '%s' is at offset %llu of the data, after the "
			    "ones before it comes %llu", g->file.path, t->name,
			    (unsigned long long)at, (unsigned long long)*offset);
	/* No tensor is larger than the file, so this cannot overflow. */
	if (t->bytes > g->file.size || at > g->file.size)
		return fail(-EINVAL, "%s: tensor '%s' asks for %zu bytes at offset %llu, the file "
			    "has %zu", g->file.path, t->name, t->bytes, (unsigned long long)at,
			    g->file.size);
	*offset = at + t->bytes;
	*offset += gguf_padding(*offset, g->align);
	return 0;
}

static int compare_tensors(const void *a, const void *b)
{
	const struct gguf_tensor *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int index_tensors(struct gguf *g)
{
	for (size_t i = 0; i < g->nr_tensors; i++)
		g->by_name[i] = &g->tensors[i];
	qsort(g->by_name, g->nr_tensors, sizeof(*g->by_name), compare_tensors);
	for (size_t i = 1; i < g->nr_tensors; i++)
		if (!compare_tensors(&g->by_name[i - 1], &g->by_name[i]))
			return fail(-EINVAL, "%s: two tensors are called '%s'", g->file.path,
				    g->by_name[i]->name);
	return 0;
}

/* Give the tensors their bytes: the file has to reach to the end of each. */
static int place_tensors(struct gguf *g, const struct cursor *c)
{
	uint64_t header = c->at - g->file.bytes, data = header + gguf_padding(header, g->align);
	uint64_t at = 0;

	for (size_t i = 0; i < g->nr_tensors; i++) {
		struct gguf_tensor *t = &g->tensors[i];

		if (data > g->file.size || at > g->file.size - data ||
		    t->bytes > g->file.size - data - at)
			return fail(-EINVAL, "%s: cut short: tensor '%s' ends at byte %llu, the "
				    "file has %zu", g->file.path, t->name,
				    (unsigned long long)(data + at + t->bytes), g->file.size);
		t->data = g->file.bytes + data + at;
		at += t->bytes;
		at += gguf_padding(at, g->align);
	}
	return 0;
}

static int read_tensors(struct gguf *g, struct cursor *c)
{
	size_t nr = g->nr_tensors;
	uint64_t offset = 0;
	int ret = 0;

	g->tensors = calloc(nr + 1, sizeof(*g->tensors));
	g->by_name = calloc(nr + 1, sizeof(*g->by_name));
	g->names = calloc(nr + 1, sizeof(*g->names));
	if (!g->tensors || !g->by_name || !g->names)
		return fail_nomem(nr * sizeof(*g->tensors), "the tensors of a GGUF file");
	for (size_t i = 0; i < nr && !ret; i++)
		ret = take_tensor(c, i, &offset);
	if (!ret)
		ret = index_tensors(g);
	return ret ? ret : place_tensors(g, c);
}

/* ---- the whole file --------------------------------------------------------------- */

static int check_version(const struct gguf *g, uint64_t version)
{
	if (version == GGUF_VERSION || version == 2)	/* 3 only added big-endian files */
		return 0;
	if (version && !(version & 0xffff))
		return fail(-EINVAL, "%s: a big-endian GGUF file, which knlp does not read",
			    g->file.path);
	return fail(-EINVAL, "%s: GGUF version %llu, knlp reads 2 and 3", g->file.path,
		    (unsigned long long)version);
}

static int read_header(struct gguf *g)
{
	struct cursor c = { g, g->file.bytes, g->file.bytes + g->file.size };
	uint64_t version, nr_tensors, nr_values;
	int ret;

	if (memcmp(c.at, "GGUF", 4))
		return fail(-EINVAL, "%s: not a GGUF file", g->file.path);
	c.at += 4;
	ret = take_int(&c, 4, "the header", &version);
	if (!ret)
		ret = check_version(g, version);
	if (!ret)
		ret = take_int(&c, 8, "the header", &nr_tensors);
	if (!ret)
		ret = take_int(&c, 8, "the header", &nr_values);
	if (ret)
		return ret;
	if (nr_values > left(&c) / VALUE_BYTES || nr_tensors > left(&c) / TENSOR_BYTES)
		return fail(-EINVAL, "%s: %llu keys and %llu tensors do not fit into the %zu bytes "
			    "of the file", g->file.path, (unsigned long long)nr_values,
			    (unsigned long long)nr_tensors, g->file.size);
	g->nr_values = nr_values;
	g->nr_tensors = nr_tensors;
	ret = read_values(g, &c);
	if (!ret)
		ret = read_alignment(g);
	return ret ? ret : read_tensors(g, &c);
}

int gguf_open(const char *path, struct gguf **out)
{
	struct gguf *g = calloc(1, sizeof(*g));
	int ret;

	*out = NULL;
	if (!g)
		return fail_nomem(sizeof(*g), path);
	ret = mapping_open(path, 24, "a GGUF file", &g->file);
	if (!ret)
		ret = read_header(g);
	if (ret)
		gguf_close(g);
	else
		*out = g;
	return ret;
}

void gguf_close(struct gguf *g)
{
	if (!g)
		return;
	for (size_t i = 0; g->values && i < g->nr_values; i++)
		free((void *)g->values[i].starts);
	free(g->values);
	free(g->by_key);
	free(g->tensors);
	free(g->by_name);
	free(g->names);
	mapping_close(&g->file);
	free(g);
}

bool gguf_is(const char *path)
{
	struct stat st;
	char magic[4];
	FILE *f;
	bool is;

	if (stat(path, &st) || !S_ISREG(st.st_mode))	/* opening a pipe would wait */
		return false;
	f = fopen(path, "rb");
	if (!f)
		return false;
	is = fread(magic, 1, 4, f) == 4 && !memcmp(magic, "GGUF", 4);
	fclose(f);
	return is;
}

static int compare_name(const void *name, const void *tensor)
{
	return strcmp(name, (*(const struct gguf_tensor *const *)tensor)->name);
}

const struct gguf_tensor *gguf_tensor_find(const struct gguf *g, const char *name)
{
	const struct gguf_tensor **found = bsearch(name, g->by_name, g->nr_tensors,
						   sizeof(*g->by_name), compare_name);

	return found ? *found : NULL;
}
