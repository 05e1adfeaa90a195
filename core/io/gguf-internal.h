/* SPDX-License-Identifier: MIT */
/* What the parts of the GGUF reader and writer share. */
#ifndef IO_GGUF_INTERNAL_H
#define IO_GGUF_INTERNAL_H

#include "base/mapping.h"
#include "io/gguf.h"

#define GGUF_VERSION	3
#define GGUF_ALIGN	32	/* where the file has no general.alignment */
#define GGUF_KEY_MAX	65535
#define GGUF_ALIGN_KEY	"general.alignment"

/**
 * struct ggml_type - a type of tensors in GGUF files, also those that knlp lacks.
 * @block: elements per block, whose size is @bytes
 */
struct ggml_type {
	int nr;
	const char *name;
	int block, bytes;
};

/** ggml_type() - type number @nr, or NULL (no message). */
const struct ggml_type *ggml_type(int nr);

/** gguf_item_bytes() - size of a value of @type; 0 for strings and arrays. */
size_t gguf_item_bytes(enum gguf_type type);

/** gguf_padding() - bytes from @at to the next multiple of @align. */
static inline uint64_t gguf_padding(uint64_t at, uint64_t align)
{
	return (align - at % align) % align;
}

static inline uint64_t gguf_load(const unsigned char *at, int bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < bytes; i++)
		value |= (uint64_t)at[i] << 8 * i;
	return value;
}

struct gguf {
	struct mapping file;
	uint64_t align;
	struct gguf_value *values;		/* in file order */
	const struct gguf_value **by_key;	/* sorted */
	size_t nr_values;
	struct gguf_tensor *tensors;		/* in file order */
	const struct gguf_tensor **by_name;	/* sorted */
	char (*names)[GGUF_NAME_MAX + 1];
	size_t nr_tensors;
};

#endif
