/* SPDX-License-Identifier: MIT */
/*
 * Segments: contiguous device memory that holds many named tensors of one type, so that
 * an optimizer step, a norm, a mask or a Fisher accumulation is one pass over one array.
 *
 * Views are aligned to 16 elements (64 bytes of f32); the gaps are zero and stay zero (a
 * gradient of zero leaves a weight of zero alone).  Segments of equal structure (weights,
 * gradients, moments) are made with segment_like(): element i of one belongs to element i
 * of all.
 *
 * An optimizer declares its unit: `element` may cut a segment anywhere, `matrix` only
 * between views (Muon); whoever shards a segment asks segment_view_end().
 */
#ifndef TENSOR_SEGMENT_H
#define TENSOR_SEGMENT_H

#include "tensor/graph.h"

/** struct segment_view - one tensor in a segment; @at is in bytes. */
struct segment_view {
	char *name;
	struct layout layout;
	size_t at;
};

struct segment {
	char *name;
	enum dtype dtype;
	struct segment_view *views;
	int nr_views, cap_views;
	size_t bytes;			/* of the whole segment, gaps included */
	struct buffer *buffer;		/* NULL before segment_alloc() */
};

/** segment_new() - an empty segment; NULL when out of memory. */
struct segment *segment_new(const char *name, enum dtype dtype);
void segment_free(struct segment *s);

/** segment_like() - the same views of another name and type, without memory. */
struct segment *segment_like(const struct segment *s, const char *name, enum dtype dtype);

/** segment_add() - add a view, before segment_alloc(). Return: its index or -ENOMEM. */
int segment_add(struct segment *s, const char *name, int nd, const int64_t *n);

/** segment_alloc() - memory on @dev, zeroed. */
int segment_alloc(struct segment *s, struct device *dev);

/** segment_count() - elements, gaps included. */
int64_t segment_count(const struct segment *s);

/** segment_bind() - bind a graph's tensor of the view's shape to view @index. */
void segment_bind(const struct segment *s, int index, struct tensor *t);

/** segment_flat() - the whole segment as a one-dimensional bound tensor of @g. */
struct tensor *segment_flat(const struct segment *s, struct graph *g, enum tensor_kind kind);

/** segment_view_end() - smallest end of a view at or behind byte @at: where a cut may lie. */
size_t segment_view_end(const struct segment *s, size_t at);

#endif
