/* SPDX-License-Identifier: MIT */
/*
 * Shapes and layouts.
 */
#ifndef TENSOR_SHAPE_H
#define TENSOR_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/dtype.h"

#define MAX_DIMS 5

/**
 * struct layout - where the elements of a tensor lie.
 * A tensor of a block type is contiguous; its sizes and strides count elements, too.
 * @n: sizes, outermost first
 * @stride: distance between neighbours along each dimension, in elements
 * @offset: first element, counted from the start of the storage (views only)
 */
struct layout {
	enum dtype dtype;
	int nd;
	int64_t n[MAX_DIMS];
	int64_t stride[MAX_DIMS];
	int64_t offset;
};

/** layout_make() - row-major layout without gaps. */
struct layout layout_make(enum dtype dtype, int nd, const int64_t *n);

/** layout_like() - row-major layout with the sizes of @l and another type. */
struct layout layout_like(const struct layout *l, enum dtype dtype);

/** layout_count() - number of elements; 1 for nd = 0. */
int64_t layout_count(const struct layout *l);

/** layout_rows() - product of all sizes but the last; 1 for nd = 0. */
int64_t layout_rows(const struct layout *l);

/** layout_last() - size of the last dimension; 1 for nd = 0. */
int64_t layout_last(const struct layout *l);

/** layout_bytes() - bytes of a contiguous tensor of this shape. */
int64_t layout_bytes(const struct layout *l);

/** layout_contiguous() - row-major without gaps? (sizes of 1 have any stride) */
bool layout_contiguous(const struct layout *l);

/** layout_same_shape() - equal sizes (types and strides may differ). */
bool layout_same_shape(const struct layout *a, const struct layout *b);

/** layout_at() - storage index of row-major element @i. */
int64_t layout_at(const struct layout *l, int64_t i);

#define SHAPE_TEXT 64
/** layout_text() - "f32 (4, 256, 384)" into @text, which is returned. */
const char *layout_text(const struct layout *l, char text[SHAPE_TEXT]);

#endif
