// SPDX-License-Identifier: MIT
#include "io/safetensors.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "io/safetensors-internal.h"

/* @size is a constant at each call, so that memcpy() becomes one move. */
static inline __attribute__((always_inline)) void gather(char *dst, const char *src, size_t size,
							 size_t nr_rows, size_t nr_cols,
							 size_t src_stride)
{
	for (size_t c = 0; c < nr_cols; c++)
		for (size_t r = 0; r < nr_rows; r++)
			memcpy(dst + (r * nr_cols + c) * size, src + (c * src_stride + r) * size,
			       size);
}

size_t st_transpose_piece(const struct st_transpose *tr, const char *src, size_t at, char *dst)
{
	size_t row = at / tr->cols, col = at % tr->cols, fit = ST_CHUNK / tr->size;
	size_t nr_rows = 1, nr_cols = tr->cols - col;

	if (nr_cols > fit)
		nr_cols = fit;
	else if (!col)
		nr_rows = fit / nr_cols < tr->rows - row ? fit / nr_cols : tr->rows - row;
	src += (col * tr->rows + row) * tr->size;
	switch (tr->size) {
	case 1: gather(dst, src, 1, nr_rows, nr_cols, tr->rows); break;
	case 2: gather(dst, src, 2, nr_rows, nr_cols, tr->rows); break;
	case 4: gather(dst, src, 4, nr_rows, nr_cols, tr->rows); break;
	case 8: gather(dst, src, 8, nr_rows, nr_cols, tr->rows); break;
	default: BUG_ON(true);
	}
	return nr_rows * nr_cols;
}

static void shape_text(char *text, size_t size, const int64_t *shape, int nd)
{
	size_t at = 0;

	text[0] = '\0';
	for (int d = 0; d < nd && at < size; d++)
		at += snprintf(text + at, size - at, "%s%lld", d ? ", " : "",
			       (long long)shape[d]);
}

static int check_shape(const struct st *st, const struct tensor_entry *e,
		       const struct st_view *v)
{
	char want[ST_DIMS_MAX * 22 + 1], have[ST_DIMS_MAX * 22 + 1];
	int64_t shape[ST_DIMS_MAX];
	bool same = e->nd == v->nd;

	for (int d = 0; d < e->nd; d++) {
		shape[d] = e->shape[e->transposed ? e->nd - 1 - d : d];
		same = same && shape[d] == v->shape[d];
	}
	if (same)
		return 0;
	shape_text(want, sizeof(want), shape, e->nd);
	shape_text(have, sizeof(have), v->shape, v->nd);
	return fail(-EINVAL, "%s: tensor '%s' has shape (%s), expected (%s)", st_path(st), e->name,
		    have, want);
}

static int check_entry(const struct st *st, const struct tensor_entry *e)
{
	const struct st_view *v;
	size_t bytes;
	int ret;

	ret = st_bytes(st_path(st), e->name, e->dtype, e->nd, e->shape, &bytes);
	if (ret)
		return ret;
	if (!e->store || (e->transposed && e->nd != 2))
		return fail(-EINVAL, "%s: tensor '%s' has no place to go", st_path(st), e->name);
	ret = st_find(st, e->name, &v);
	if (ret)
		return ret;
	if (v->dtype != e->dtype)
		return fail(-EINVAL, "%s: tensor '%s' has type %s, expected %s", st_path(st),
			    e->name, v->type_name, dtype_info(e->dtype)->safetensors);
	return check_shape(st, e, v);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Every entry has its tensor; now every tensor must have one entry. */
static int check_left_over(const struct st *st, const struct tensor_entry *entries, size_t nr)
{
	const char **names = malloc((nr + 1) * sizeof(*names));
	int ret = 0;

	if (!names)
		return fail_nomem((nr + 1) * sizeof(*names), "the names of tensors");
	for (size_t i = 0; i < nr; i++)
		names[i] = entries[i].name;
	qsort(names, nr, sizeof(*names), compare_names);
	for (size_t i = 1; i < nr && !ret; i++)
		if (!strcmp(names[i - 1], names[i]))
			ret = fail(-EINVAL, "%s: tensor '%s' is asked for twice", st_path(st),
				   names[i]);
	for (size_t i = 0; i < st_count(st) && !ret; i++) {
		const char *name = st_at(st, i)->name;

		if (!bsearch(&name, names, nr, sizeof(*names), compare_names))
			ret = fail(-EINVAL, "%s: tensor '%s' is in the file but not in the model",
				   st_path(st), name);
	}
	free(names);
	return ret;
}

static int load_plain(const struct tensor_entry *e, const struct st_view *v)
{
	int ret = 0;

	for (size_t at = 0; at < v->bytes && !ret; at += ST_CHUNK)
		ret = e->store(e->ctx, at, v->bytes - at < ST_CHUNK ? v->bytes - at : ST_CHUNK,
			       (const char *)v->data + at);
	return ret;
}

static int load_transposed(const struct tensor_entry *e, const struct st_view *v, char *chunk)
{
	struct st_transpose tr = {
		.size = dtype_size(e->dtype), .rows = e->shape[0], .cols = e->shape[1],
	};
	int ret = 0;

	for (size_t at = 0; at * tr.size < v->bytes && !ret;) {
		size_t n = st_transpose_piece(&tr, v->data, at, chunk);

		ret = e->store(e->ctx, at * tr.size, n * tr.size, chunk);
		at += n;
	}
	return ret;
}

int st_load(const struct st *st, const struct tensor_entry *entries, size_t nr)
{
	const struct st_view *v;
	char *chunk;
	int ret = 0;

	for (size_t i = 0; i < nr && !ret; i++)
		ret = check_entry(st, &entries[i]);
	if (!ret)
		ret = check_left_over(st, entries, nr);
	if (ret)
		return ret;
	chunk = malloc(ST_CHUNK);
	if (!chunk)
		return fail_nomem(ST_CHUNK, "a read buffer");
	for (size_t i = 0; i < nr; i++) {
		const struct tensor_entry *e = &entries[i];

		ret = st_find(st, e->name, &v);
		if (ret)
			break;
		ret = e->transposed ? load_transposed(e, v, chunk) : load_plain(e, v);
		if (ret) {
			fail_in(ret, "%s: tensor '%s'", st_path(st), e->name);
			break;
		}
	}
	free(chunk);
	return ret;
}
