/* SPDX-License-Identifier: MIT */
/*
 * GGUF versions 3 and 2 (the same bytes), the container of llama.cpp: keys with values, then
 * tensors at aligned offsets.  Only the container: what keys and tensors mean is in
 * core/formats/gguf-*.c.  Documentation/formats/gguf.md.
 *
 * Shapes here are row-major, outermost first, as everywhere in knlp: the reverse of the
 * file's ne[].
 */
#ifndef IO_GGUF_H
#define IO_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tensor/dtype.h"

#define GGUF_DIMS_MAX	4
#define GGUF_NAME_MAX	63	/* bytes of a tensor's name */

/** enum gguf_type - of a value; numbers are those of the file. */
enum gguf_type {
	GGUF_U8, GGUF_I8, GGUF_U16, GGUF_I16, GGUF_U32, GGUF_I32, GGUF_F32, GGUF_BOOL,
	GGUF_STRING, GGUF_ARRAY, GGUF_U64, GGUF_I64, GGUF_F64, GGUF_TYPES
};

/** gguf_type_name() - "u32" ... of a value; gguf_ggml_name() - "Q4_K" ... of a tensor. */
const char *gguf_type_name(enum gguf_type type);
const char *gguf_ggml_name(int ggml);

/** struct gguf_string - bytes in the mapped file, without a NUL. */
struct gguf_string {
	const char *bytes;
	size_t len;
};

/**
 * struct gguf_value - the value of a key.
 * @type: GGUF_ARRAY: @item is the type of its @nr items
 */
struct gguf_value {
	struct gguf_string key;
	enum gguf_type type, item;
	uint64_t nr;			/* items; 1 if it is no array */
	const unsigned char *data;	/* of the value or the first item, not aligned */
	size_t bytes;
	const uint64_t *starts;		/* arrays of strings: where item i begins in @data */
};

/** struct gguf_tensor - a tensor in an open file. @dtype: DT_COUNT: one that knlp lacks. */
struct gguf_tensor {
	const char *name;		/* ends with a NUL */
	int ggml;			/* type as in the file */
	enum dtype dtype;
	int nd;
	int64_t shape[GGUF_DIMS_MAX];
	const void *data;		/* in the mapped file, aligned as the file says */
	size_t bytes;
};

struct gguf;

/** gguf_is() - does @path begin like a GGUF file? No message. */
bool gguf_is(const char *path);

/**
 * gguf_open() - map a file and check all of its header.
 *
 * Refused with one line that names file, key or tensor and the reason: other versions and
 * byte orders, counts and lengths beyond the file, unknown types, nested arrays, names that
 * are no ASCII text or given twice, more than four dimensions, sizes that overflow or are no
 * whole blocks, offsets that are not the running sum of the padded sizes, an alignment that
 * is no power of two or below 8, a file too short.
 */
int gguf_open(const char *path, struct gguf **g);
void gguf_close(struct gguf *g);

const char *gguf_path(const struct gguf *g);
size_t gguf_nr_values(const struct gguf *g);
const struct gguf_value *gguf_value_at(const struct gguf *g, size_t i);
size_t gguf_nr_tensors(const struct gguf *g);
const struct gguf_tensor *gguf_tensor_at(const struct gguf *g, size_t i);
/** gguf_tensor_find() - by name, or NULL (no message). */
const struct gguf_tensor *gguf_tensor_find(const struct gguf *g, const char *name);
/** gguf_has() - the value of @key, or NULL (no message). */
const struct gguf_value *gguf_has(const struct gguf *g, const char *key);

/*
 * gguf_int() ... - the value of @key.  Integers of any width will do, if the number is in
 * [@min, @max].  Return: 0; -ENOENT if the key is missing; -EINVAL for another type or
 * range; all with a message that names file and key.
 */
int gguf_int(const struct gguf *g, const char *key, int64_t min, int64_t max, int64_t *value);
int gguf_float(const struct gguf *g, const char *key, double *value);
int gguf_bool(const struct gguf *g, const char *key, bool *value);
int gguf_string(const struct gguf *g, const char *key, struct gguf_string *value);
/** gguf_array() - an array whose items are of type @item (any integer type for GGUF_I32). */
int gguf_array(const struct gguf *g, const char *key, enum gguf_type item,
	       const struct gguf_value **value);

/** gguf_item_string() / _int() / _float() - item @i, which is below @v->nr, of an array. */
struct gguf_string gguf_item_string(const struct gguf_value *v, uint64_t i);
int64_t gguf_item_int(const struct gguf_value *v, uint64_t i);
double gguf_item_float(const struct gguf_value *v, uint64_t i);

/* ---- writing ------------------------------------------------------------------- */

struct gguf_writer;

/** gguf_writer_new() - nothing is written before gguf_write(). NULL when out of memory. */
struct gguf_writer *gguf_writer_new(void);
void gguf_writer_free(struct gguf_writer *w);

/* Keys are written in the order of these calls; errors are kept until gguf_write(). */
void gguf_put_u32(struct gguf_writer *w, const char *key, uint32_t value);
void gguf_put_f32(struct gguf_writer *w, const char *key, float value);
void gguf_put_bool(struct gguf_writer *w, const char *key, bool value);
void gguf_put_string(struct gguf_writer *w, const char *key, const char *bytes, size_t len);
void gguf_put_strings(struct gguf_writer *w, const char *key, const struct gguf_string *items,
		      uint64_t nr);
void gguf_put_i32s(struct gguf_writer *w, const char *key, const int32_t *items, uint64_t nr);
void gguf_put_bools(struct gguf_writer *w, const char *key, const bool *items, uint64_t nr);
void gguf_put_f32s(struct gguf_writer *w, const char *key, const float *items, uint64_t nr);
/** gguf_put_value() - a value of another file, as it is (general.alignment is left out). */
void gguf_put_value(struct gguf_writer *w, const struct gguf_value *v);

/**
 * gguf_put_tensor() - a tensor; its bytes are asked for while the file is written.
 * @write: put all of its bytes into @f; 0 or -errno with a message
 */
void gguf_put_tensor(struct gguf_writer *w, const char *name, enum dtype dtype, int nd,
		     const int64_t *shape, int (*write)(void *ctx, FILE *f), void *ctx);

/** gguf_write() - @path is whole or as before: file_write_stream(). */
int gguf_write(struct gguf_writer *w, const char *path);

#endif
