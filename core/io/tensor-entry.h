/* SPDX-License-Identifier: MIT */
/*
 * A tensor as a file sees it: what it is called, its shape, and how to get its bytes
 * from, or to, wherever it lives.  Savers and loaders use the same list.
 */
#ifndef IO_TENSOR_ENTRY_H
#define IO_TENSOR_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tensor/dtype.h"

#define TENSOR_ENTRY_DIMS 8

/**
 * struct tensor_entry - one tensor to save or to load.
 *
 * The bytes are contiguous and in row-major order of @shape.  fetch() and store() are
 * called for consecutive pieces from offset 0 to the end; pieces begin and end at
 * whole elements.  Both return 0 or -errno with a message.
 */
struct tensor_entry {
	const char *name;		/* as in the file */
	enum dtype dtype;
	int nd;				/* 0 is a scalar */
	int64_t shape[TENSOR_ENTRY_DIMS];	/* in memory */
	/*
	 * Two dimensions only: (out, in) in memory and (in, out) in the file, as
	 * Hugging Face keeps the weights of GPT-2.  The file code transposes.
	 */
	bool transposed;
	int (*fetch)(void *ctx, size_t offset, size_t len, void *buf);
	int (*store)(void *ctx, size_t offset, size_t len, const void *buf);
	void *ctx;
};

/** tensor_fetch_memory() - fetch() of a tensor at address @ctx of the host. */
static inline int tensor_fetch_memory(void *ctx, size_t offset, size_t len, void *buf)
{
	memcpy(buf, (const char *)ctx + offset, len);
	return 0;
}

/** tensor_store_memory() - store() to a tensor at address @ctx of the host. */
static inline int tensor_store_memory(void *ctx, size_t offset, size_t len, const void *buf)
{
	memcpy((char *)ctx + offset, buf, len);
	return 0;
}

#endif
