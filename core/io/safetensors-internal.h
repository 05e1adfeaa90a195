/* SPDX-License-Identifier: MIT */
/* What the writer and the reader of safetensors files share. */
#ifndef IO_SAFETENSORS_INTERNAL_H
#define IO_SAFETENSORS_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/dtype.h"

#define ST_CHUNK	((size_t)1 << 20)	/* a multiple of every element size */

/** st_bytes() - bytes of a tensor; -EINVAL or -EOVERFLOW with a message. */
int st_bytes(const char *path, const char *name, enum dtype dtype, int nd,
	     const int64_t *shape, size_t *bytes);

/** struct st_transpose - reading a (cols, rows) matrix as (rows, cols). */
struct st_transpose {
	size_t size;		/* bytes of an element */
	size_t rows, cols;	/* of the result */
};

/**
 * st_transpose_piece() - elements from number @at on of the transpose of @src.
 * @dst: ST_CHUNK bytes
 *
 * Return: the number of elements, at least 1; whole rows where a row fits.
 */
size_t st_transpose_piece(const struct st_transpose *tr, const char *src, size_t at, char *dst);

#endif
