// SPDX-License-Identifier: MIT
#include "tensor/shape.h"

#include <stdio.h>
#include <string.h>

struct layout layout_make(enum dtype dtype, int nd, const int64_t *n)
{
	struct layout l = { .dtype = dtype, .nd = nd };
	int64_t stride = 1;

	for (int d = nd - 1; d >= 0; d--) {
		l.n[d] = n[d];
		l.stride[d] = stride;
		stride *= n[d];
	}
	return l;
}

struct layout layout_like(const struct layout *l, enum dtype dtype)
{
	return layout_make(dtype, l->nd, l->n);
}

int64_t layout_count(const struct layout *l)
{
	int64_t count = 1;

	for (int d = 0; d < l->nd; d++)
		count *= l->n[d];
	return count;
}

int64_t layout_last(const struct layout *l)
{
	return l->nd ? l->n[l->nd - 1] : 1;
}

int64_t layout_rows(const struct layout *l)
{
	int64_t rows = 1;

	for (int d = 0; d < l->nd - 1; d++)
		rows *= l->n[d];
	return rows;
}

int64_t layout_bytes(const struct layout *l)
{
	return dtype_bytes(l->dtype, layout_count(l));
}

bool layout_contiguous(const struct layout *l)
{
	int64_t stride = 1;

	for (int d = l->nd - 1; d >= 0; d--) {
		if (l->n[d] != 1 && l->stride[d] != stride)
			return false;
		stride *= l->n[d];
	}
	return true;
}

bool layout_same_shape(const struct layout *a, const struct layout *b)
{
	return a->nd == b->nd && !memcmp(a->n, b->n, a->nd * sizeof(a->n[0]));
}

int64_t layout_at(const struct layout *l, int64_t i)
{
	int64_t at = 0;

	for (int d = l->nd - 1; d >= 0; d--) {
		at += i % l->n[d] * l->stride[d];
		i /= l->n[d];
	}
	return at;
}

const char *layout_text(const struct layout *l, char text[SHAPE_TEXT])
{
	int at = snprintf(text, SHAPE_TEXT, "%s (", dtype_info(l->dtype)->name);

	for (int d = 0; d < l->nd && at < SHAPE_TEXT - 1; d++)
		at += snprintf(text + at, SHAPE_TEXT - at, "%s%lld", d ? ", " : "",
			       (long long)l->n[d]);
	if (at < SHAPE_TEXT - 1)
		snprintf(text + at, SHAPE_TEXT - at, ")");
	return text;
}
