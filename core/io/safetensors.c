// SPDX-License-Identifier: MIT
#include "io/safetensors.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/mapping.h"
#include "base/strbuf.h"
#include "io/json.h"
#include "io/safetensors-internal.h"

struct st {
	struct mapping file;
	size_t data;			/* where the tensors begin in the file */
	cJSON *header;			/* owns the names and the metadata */
	struct st_view *views;		/* in file order */
	const struct st_view **sorted;	/* by name */
	size_t nr;
};

/* Types of the format that knlp can pass over but not read. */
static const struct {
	const char *name;
	size_t size;
} foreign_types[] = {
	{ "BOOL", 1 }, { "I8", 1 }, { "F8_E5M2", 1 }, { "F8_E4M3", 1 }, { "F8_E8M0", 1 },
	{ "I16", 2 }, { "U32", 4 }, { "U64", 8 }, { "C64", 8 },
};

static size_t type_size(const char *name, enum dtype *dtype)
{
	int type = dtype_from_safetensors(name);

	if (type >= 0) {
		*dtype = type;
		return dtype_size(type);
	}
	*dtype = DT_COUNT;
	for (size_t i = 0; i < sizeof(foreign_types) / sizeof(foreign_types[0]); i++)
		if (!strcmp(foreign_types[i].name, name))
			return foreign_types[i].size;
	return 0;
}

static int shape_bytes(const char *path, const char *name, size_t size, int nd,
		       const int64_t *shape, size_t *bytes)
{
	bool empty = false;

	*bytes = size;
	for (int d = 0; d < nd; d++) {
		if (shape[d] < 0)
			return fail(-EINVAL, "%s: tensor '%s' has a negative dimension", path,
				    name);
		empty |= !shape[d];
	}
	for (int d = 0; d < nd && !empty; d++)
		if (__builtin_mul_overflow(*bytes, (size_t)shape[d], bytes) ||
		    *bytes > (size_t)1 << 53)
			return fail(-EOVERFLOW, "%s: tensor '%s' is too large to be true", path,
				    name);
	if (empty)
		*bytes = 0;
	return 0;
}

int st_bytes(const char *path, const char *name, enum dtype dtype, int nd,
	     const int64_t *shape, size_t *bytes)
{
	if (!name || !*name || !strcmp(name, "__metadata__"))
		return fail(-EINVAL, "%s: a tensor may not be called '%s'", path,
			    name ? name : "");
	if (nd < 0 || nd > ST_DIMS_MAX)
		return fail(-EINVAL, "%s: tensor '%s' has %d dimensions, at most %d are possible",
			    path, name, nd, ST_DIMS_MAX);
	return shape_bytes(path, name, dtype_size(dtype), nd, shape, bytes);
}

/* The getters of io/json.h name "FILE: tensor 'NAME'" as the file. */
static int parse_shape(const char *where, const cJSON *item, struct st_view *v)
{
	const cJSON *shape, *dim;
	long long n;
	int ret;

	ret = json_array(where, item, "shape", &shape);
	if (ret)
		return ret;
	cJSON_ArrayForEach(dim, shape) {
		if (v->nd == ST_DIMS_MAX)
			return fail(-EINVAL, "%s has more than %d dimensions", where, ST_DIMS_MAX);
		ret = json_item_int(where, "shape", dim, 0, (long long)1 << 53, &n);
		if (ret)
			return ret;
		v->shape[v->nd++] = n;
	}
	return 0;
}

static int parse_offsets(const struct st *st, const char *where, const cJSON *item,
			 struct st_view *v)
{
	long long at[2], limit = (long long)(st->file.size - st->data);
	const cJSON *offsets;
	int ret;

	ret = json_array(where, item, "data_offsets", &offsets);
	if (ret)
		return ret;
	if (cJSON_GetArraySize(offsets) != 2)
		return fail(-EINVAL, "%s: 'data_offsets' does not hold two numbers", where);
	for (int i = 0; i < 2; i++) {
		ret = json_item_int(where, "data_offsets", cJSON_GetArrayItem(offsets, i), 0,
				    (long long)1 << 53, &at[i]);
		if (ret)
			return ret;
	}
	if (at[0] > at[1])
		return fail(-EINVAL, "%s ends before it begins", where);
	if (at[1] > limit)
		return fail(-EINVAL, "%s ends at byte %lld of the data, the file has %lld", where,
			    at[1], limit);
	v->data = st->file.bytes + st->data + at[0];
	v->bytes = at[1] - at[0];
	return 0;
}

static int parse_tensor(const struct st *st, const cJSON *item, struct st_view *v)
{
	char *where = str_printf("%s: tensor '%s'", st->file.path, item->string);
	size_t size, bytes;
	int ret;

	if (!where)
		return fail_nomem(strlen(item->string), "a name");
	v->name = item->string;
	if (!cJSON_IsObject(item) || cJSON_GetArraySize(item) != 3) {
		ret = fail(-EINVAL, "%s: not an object of dtype, shape and data_offsets", where);
		goto out_where;
	}
	ret = json_string(where, item, "dtype", &v->type_name);
	if (ret)
		goto out_where;
	size = type_size(v->type_name, &v->dtype);
	if (!size) {
		ret = fail(-EINVAL, "%s: unknown type '%s'", where, v->type_name);
		goto out_where;
	}
	ret = parse_shape(where, item, v);
	if (!ret)
		ret = parse_offsets(st, where, item, v);
	if (!ret)
		ret = shape_bytes(st->file.path, v->name, size, v->nd, v->shape, &bytes);
	if (!ret && bytes != v->bytes)
		ret = fail(-EINVAL, "%s: shape and type ask for %zu bytes, data_offsets for %zu",
			   where, bytes, v->bytes);
out_where:
	free(where);
	return ret;
}

static int check_metadata(const struct st *st, const cJSON *meta)
{
	const cJSON *item;

	if (!cJSON_IsObject(meta))
		return fail(-EINVAL, "%s: __metadata__ is not an object", st->file.path);
	cJSON_ArrayForEach(item, meta)
		if (!cJSON_IsString(item))
			return fail(-EINVAL, "%s: __metadata__ '%s' is not a string", st->file.path,
				    item->string);
	return 0;
}

static int compare_place(const void *a, const void *b)
{
	const struct st_view *x = a, *y = b;

	if (x->data != y->data)
		return (const char *)x->data < (const char *)y->data ? -1 : 1;
	if (x->bytes != y->bytes)	/* empty tensors lie before the one that begins there */
		return x->bytes < y->bytes ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* The format wants the data covered exactly: neither overlaps nor holes. */
static int check_cover(const struct st *st)
{
	const unsigned char *at = st->file.bytes + st->data, *begin;

	for (size_t i = 0; i < st->nr; i++) {
		const struct st_view *v = &st->views[i];

		begin = v->data;
		if (begin < at)
			return fail(-EINVAL, "%s: tensors '%s' and '%s' overlap", st->file.path,
				    st->views[i - 1].name, v->name);
		if (begin > at)
			return fail(-EINVAL, "%s: a hole of %td bytes before tensor '%s'",
				    st->file.path, begin - at, v->name);
		at = begin + v->bytes;
	}
	if (at != st->file.bytes + st->file.size)
		return fail(-EINVAL, "%s: %td bytes after the last tensor", st->file.path,
			    st->file.bytes + st->file.size - at);
	return 0;
}

static int compare_view_names(const void *a, const void *b)
{
	const struct st_view *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int parse_header(struct st *st)
{
	size_t max = cJSON_GetArraySize(st->header);
	const cJSON *item;
	int ret;

	st->views = calloc(max + 1, sizeof(*st->views));
	st->sorted = calloc(max + 1, sizeof(*st->sorted));
	if (!st->views || !st->sorted)
		return fail_nomem((max + 1) * sizeof(*st->views), "the tensors of a file");
	cJSON_ArrayForEach(item, st->header) {
		if (!strcmp(item->string, "__metadata__"))
			ret = check_metadata(st, item);
		else
			ret = parse_tensor(st, item, &st->views[st->nr++]);
		if (ret)
			return ret;
	}
	qsort(st->views, st->nr, sizeof(*st->views), compare_place);
	for (size_t i = 0; i < st->nr; i++)
		st->sorted[i] = &st->views[i];
	qsort(st->sorted, st->nr, sizeof(*st->sorted), compare_view_names);
	return check_cover(st);
}

static int read_header(struct st *st)
{
	uint64_t len = 0;
	int ret;

	for (int i = 0; i < 8; i++)
		len |= (uint64_t)st->file.bytes[i] << 8 * i;
	if (len > ST_HEADER_MAX)
		return fail(-EINVAL, "%s: not a safetensors file (a header of %llu bytes)",
			    st->file.path, (unsigned long long)len);
	if (len > st->file.size - 8)
		return fail(-EINVAL, "%s: cut short, or not a safetensors file (a header of %llu "
			    "bytes in a file of %zu)", st->file.path, (unsigned long long)len,
			    st->file.size);
	if (!len || st->file.bytes[8] != '{')
		return fail(-EINVAL, "%s: not a safetensors file (the header is no JSON object)",
			    st->file.path);
	st->data = 8 + len;
	ret = json_parse(st->file.path, (const char *)st->file.bytes + 8, len, &st->header);
	return ret ? ret : parse_header(st);
}

int st_open(const char *path, struct st **out)
{
	struct st *st = calloc(1, sizeof(*st));
	int ret;

	*out = NULL;
	if (!st)
		return fail_nomem(sizeof(*st), path);
	ret = mapping_open(path, 10, "a safetensors file", &st->file);
	if (ret)
		goto out_st;
	ret = read_header(st);
	if (ret)
		goto out_st;
	*out = st;
	return 0;
out_st:
	st_close(st);
	return ret;
}

void st_close(struct st *st)
{
	if (!st)
		return;
	mapping_close(&st->file);
	cJSON_Delete(st->header);
	free(st->sorted);
	free(st->views);
	free(st);
}

const char *st_path(const struct st *st)
{
	return st->file.path;
}

size_t st_count(const struct st *st)
{
	return st->nr;
}

const struct st_view *st_at(const struct st *st, size_t i)
{
	return &st->views[i];
}

static int compare_name_to_view(const void *name, const void *view)
{
	return strcmp(name, (*(const struct st_view *const *)view)->name);
}

static const struct st_view *lookup(const struct st *st, const char *name)
{
	const struct st_view **found = bsearch(name, st->sorted, st->nr, sizeof(*st->sorted),
					       compare_name_to_view);

	return found ? *found : NULL;
}

static const char *nearest_name(const struct st *st, const char *name)
{
	const char *best = NULL;
	int least = 4;

	for (size_t i = 0; i < st->nr && i < 4096; i++) {
		int d = str_distance(name, st->views[i].name);

		if (d < least) {
			least = d;
			best = st->views[i].name;
		}
	}
	return best;
}

int st_find(const struct st *st, const char *name, const struct st_view **view)
{
	const struct st_view *v = lookup(st, name);

	if (!v) {
		const char *near = nearest_name(st, name);

		return fail(-ENOENT, "%s: no tensor '%s'%s%s%s", st->file.path, name,
			    near ? " (there is '" : "", near ? near : "", near ? "')" : "");
	}
	if (v->dtype == DT_COUNT)
		return fail(-ENOTSUP, "%s: tensor '%s' has type %s, which knlp does not read",
			    st->file.path, name, v->type_name);
	*view = v;
	return 0;
}

const char *st_metadata(const struct st *st, const char *key)
{
	return cJSON_GetStringValue(json_get(json_get(st->header, "__metadata__"), key));
}

double st_element(const struct st_view *v, int64_t i)
{
	size_t size = dtype_size(v->dtype);
	_Alignas(8) char one[8];

	memcpy(one, (const char *)v->data + (size_t)i * size, size);
	return dtype_get(v->dtype, one, 0);
}
