/* SPDX-License-Identifier: MIT */
/*
 * Matrices of which only some elements are stored.  Documentation/formats/sparse.md.
 *
 * SPARSE_MASK: a bit for each element, and the elements whose bit is 1, row after row.
 * SPARSE_2_4: two of each four neighbours of a row, and their two places, 2 bits each.
 *
 * Either way the places take a bit per element, the lowest bit of a byte first, and rows
 * begin at whole bytes.  What is not stored is +0: -0 is an element like any other, so that
 * the dense matrix comes back bit for bit.
 */
#ifndef BLOCK_SPARSE_H
#define BLOCK_SPARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/dtype.h"

enum sparse_kind { SPARSE_NONE, SPARSE_MASK, SPARSE_2_4, SPARSE_KINDS };

/** sparse_kind_names - "dense", "mask", "2:4". */
extern const char *const sparse_kind_names[SPARSE_KINDS];

/**
 * struct sparse_matrix - one matrix.
 * @dtype: of the values: f32, f16 or bf16
 * @places: (rows, sparse_row_bytes()): bits of the mask, or pairs of places.  Of a group of
 *	four, bits 0 and 1 say where its first value is, bits 2 and 3 where its second one is,
 *	further right.
 * @values: (nr_values) in the order of rows and columns; of 2:4: (rows, cols / 2)
 * @starts: (rows) of a mask: number of the row's first value; NULL for 2:4
 */
struct sparse_matrix {
	enum sparse_kind kind;
	enum dtype dtype;
	int64_t rows, cols, nr_values;
	const uint8_t *places;
	const void *values;
	const int64_t *starts;
};

/** sparse_row_bytes() - bytes of the places of a row of @cols elements. */
static inline int64_t sparse_row_bytes(int64_t cols)
{
	return (cols + 7) / 8;
}

/** sparse_bytes() - of places and values of a matrix. */
static inline int64_t sparse_bytes(const struct sparse_matrix *s)
{
	return s->rows * sparse_row_bytes(s->cols) + dtype_bytes(s->dtype, s->nr_values);
}

/** sparse_start() - number of the first value of @row. */
static inline int64_t sparse_start(const struct sparse_matrix *s, int64_t row)
{
	return s->starts ? s->starts[row] : row * (s->cols / 2);
}

/**
 * sparse_check() - do places and values belong together?  Looks at all places.
 * @s: of which the places are as long as they must be
 * @starts: (rows), filled for a mask; @s->starts is set to it
 * @file, @name: for messages
 *
 * Return: 0; -EINVAL with one line that names file, tensor and row: a mask has more or fewer
 * bits than there are values, or bits behind the last column; a group of 2:4 does not have
 * its places in rising order.
 */
int sparse_check(struct sparse_matrix *s, int64_t *starts, const char *file, const char *name);

/** sparse_expand() - row @row as elements of the type, zeros included. */
void sparse_expand(const struct sparse_matrix *s, int64_t row, void *to);

/**
 * struct sparse_count - what is to be known of a dense matrix before it is packed.
 * @nr: elements that are not +0
 * @most: of four neighbours
 */
struct sparse_count {
	int64_t nr;
	int most;
};

/** sparse_count() - add a row of @cols elements of @dtype to @c. */
void sparse_count(enum dtype dtype, const void *row, int64_t cols, struct sparse_count *c);

/**
 * sparse_pack() - one row.
 * @places: sparse_row_bytes(); @values: room for all that are not +0, of 2:4 for @cols / 2
 *
 * A group of 2:4 with fewer than two has zeros among its values.  Return: number of values.
 */
int64_t sparse_pack(enum sparse_kind kind, enum dtype dtype, const void *row, int64_t cols,
		    uint8_t *places, void *values);

#endif
