/* SPDX-License-Identifier: MIT */
/*
 * safetensors files: an 8-byte little-endian length N, N bytes of JSON, then the
 * tensors' bytes without holes.  Documentation/formats/safetensors.md.
 *
 * Source: https://github.com/huggingface/safetensors, README "Format" and the checks
 * of its Rust reader.
 */
#ifndef IO_SAFETENSORS_H
#define IO_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "io/tensor-entry.h"

#define ST_DIMS_MAX	TENSOR_ENTRY_DIMS
#define ST_HEADER_MAX	((uint64_t)100000000)	/* as the Rust reader */

/** struct st_meta - one entry of the header's __metadata__. */
struct st_meta {
	const char *key;
	const char *value;
};

/**
 * st_write_new() - write a file that does not exist yet, synced to the disk.
 * @entries: in any order; the data are laid out by falling element size, so that every
 *	tensor is aligned to its elements, and the first one to 64 bytes
 * @hex: checksum of the whole file (hash.h), or NULL
 *
 * On error the file is removed and the message names file and tensor.  For folders
 * that are renamed as a whole; others call st_write().
 */
int st_write_new(const char *path, const struct tensor_entry *entries, size_t nr,
		 const struct st_meta *meta, size_t nr_meta, char hex[HASH_HEX]);

/** st_write() - the same through PATH.tmp-PID and a rename: @path is whole or as before. */
int st_write(const char *path, const struct tensor_entry *entries, size_t nr,
	     const struct st_meta *meta, size_t nr_meta, char hex[HASH_HEX]);

struct st;

/**
 * struct st_view - a tensor in an open file.
 * @type_name: the file's name for the type ("F32")
 * @dtype: DT_COUNT for a type of the format that knlp has no use for (BOOL, F8_E4M3)
 * @data: row-major, little-endian, in the mapped file; may not be aligned (foreign
 *	files), so read with memcpy() or st_element()
 */
struct st_view {
	const char *name;
	const char *type_name;
	enum dtype dtype;
	int nd;
	int64_t shape[ST_DIMS_MAX];
	const void *data;
	size_t bytes;
};

/**
 * st_open() - map a file and check its whole header.
 *
 * Refused with one line that names file, tensor and reason: a header longer than the
 * file or than ST_HEADER_MAX, anything but the JSON that the format asks for, unknown
 * types, negative or overflowing shapes, sizes that do not fit the shape, overlaps,
 * holes, bytes after the last tensor, names that appear twice.
 *
 * A file that shrinks while it is open ends the program (base/mapping.h).
 */
int st_open(const char *path, struct st **st);
void st_close(struct st *st);

const char *st_path(const struct st *st);
/** st_count() - number of tensors. */
size_t st_count(const struct st *st);
/** st_at() - tensor number @i in the order of the data in the file. */
const struct st_view *st_at(const struct st *st, size_t i);
/** st_find() - the tensor @name; -ENOENT (naming the nearest) or -ENOTSUP for its type. */
int st_find(const struct st *st, const char *name, const struct st_view **view);
/** st_metadata() - value of @key in __metadata__, or NULL. */
const char *st_metadata(const struct st *st, const char *key);
/** st_element() - element @i of @view as a double; @view->dtype is not DT_COUNT. */
double st_element(const struct st_view *view, int64_t i);

/**
 * st_load() - store every entry from the file.
 *
 * First all names, types and shapes are compared, then bytes move: on a mismatch
 * nothing was stored.  Refused by name: a tensor that the file lacks, one that has
 * another type or shape, one of the file that no entry asks for.
 */
int st_load(const struct st *st, const struct tensor_entry *entries, size_t nr);

#endif
