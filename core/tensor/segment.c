// SPDX-License-Identifier: MIT
#include "tensor/segment.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

#define VIEW_ALIGN 16	/* elements */

struct segment *segment_new(const char *name, enum dtype dtype)
{
	struct segment *s = calloc(1, sizeof(*s));

	if (!s)
		goto failed;
	s->name = strdup(name);
	s->dtype = dtype;
	if (s->name)
		return s;
	free(s);
failed:
	fail_nomem(sizeof(*s), "a segment");
	return NULL;
}

void segment_free(struct segment *s)
{
	if (!s)
		return;
	for (int i = 0; i < s->nr_views; i++)
		free(s->views[i].name);
	buffer_free(s->buffer);
	free(s->views);
	free(s->name);
	free(s);
}

struct segment *segment_like(const struct segment *s, const char *name, enum dtype dtype)
{
	struct segment *copy = segment_new(name, dtype);

	for (int i = 0; copy && i < s->nr_views; i++) {
		const struct segment_view *v = &s->views[i];

		if (segment_add(copy, v->name, v->layout.nd, v->layout.n) < 0) {
			segment_free(copy);
			return NULL;
		}
	}
	return copy;
}

int segment_add(struct segment *s, const char *name, int nd, const int64_t *n)
{
	struct segment_view *v;

	BUG_ON(s->buffer);
	if (s->nr_views == s->cap_views) {
		int cap = s->cap_views ? 2 * s->cap_views : 32;

		v = realloc(s->views, cap * sizeof(*v));
		if (!v)
			return fail_nomem(cap * sizeof(*v), s->name);
		s->views = v;
		s->cap_views = cap;
	}
	v = &s->views[s->nr_views];
	v->name = strdup(name);
	if (!v->name)
		return fail_nomem(strlen(name), s->name);
	v->layout = layout_make(s->dtype, nd, n);
	v->at = s->bytes;
	s->bytes += (layout_count(&v->layout) + VIEW_ALIGN - 1) / VIEW_ALIGN * VIEW_ALIGN *
		    dtype_size(s->dtype);
	return s->nr_views++;
}

int segment_alloc(struct segment *s, struct device *dev)
{
	return device_alloc(dev, s->bytes, s->name, &s->buffer);
}

int64_t segment_count(const struct segment *s)
{
	return (int64_t)(s->bytes / dtype_size(s->dtype));
}

void segment_bind(const struct segment *s, int index, struct tensor *t)
{
	BUG_ON(!layout_same_shape(&t->max, &s->views[index].layout));
	tensor_bind(t, s->buffer, s->views[index].at);
}

struct tensor *segment_flat(const struct segment *s, struct graph *g, enum tensor_kind kind)
{
	int64_t n = segment_count(s);
	struct tensor *t = graph_tensor(g, kind, s->name, s->dtype, 1, &n, NULL);

	if (t && s->buffer)
		tensor_bind(t, s->buffer, 0);
	return t;
}

size_t segment_view_end(const struct segment *s, size_t at)
{
	for (int i = 0; i < s->nr_views; i++) {
		size_t end = i + 1 < s->nr_views ? s->views[i + 1].at : s->bytes;

		if (end >= at)
			return end;
	}
	return s->bytes;
}
