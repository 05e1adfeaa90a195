/* SPDX-License-Identifier: MIT */
/* Files of llama2.c: what their reader and writer share. */
#ifndef FORMATS_LLAMA2C_H
#define FORMATS_LLAMA2C_H

#include "base/mapping.h"
#include "formats/source-internal.h"

#define LLAMA2C_MAGIC	0x616b3432	/* "ak42" */
#define HEADER_V0	((size_t)7 * 4)
#define HEADER_V1	((size_t)256)
#define LLAMA2C_EPS	1e-5f		/* in run.c */
#define LLAMA2C_BASE	10000.0f	/* in run.c */
#define LLAMA2C_TOKENIZER "tokenizer.bin"

enum llama2c_dim {
	DIM_ONE, DIM_WIDTH, DIM_QUERY, DIM_KEY, DIM_MLP, DIM_VOCAB, DIM_CONTEXT, DIM_HEAD
};

/** enum llama2c_tensor - L2C_TABLES: cosines and sines, which nobody reads. */
enum llama2c_tensor {
	L2C_EMBED, L2C_NORM1, L2C_Q, L2C_K, L2C_V, L2C_O, L2C_NORM2, L2C_GATE, L2C_DOWN, L2C_UP,
	L2C_NORM, L2C_TABLES, L2C_HEAD, LLAMA2C_ENTRIES
};

/** struct llama2c_entry - a tensor; @layered: of all layers, one behind the other. */
struct llama2c_entry {
	const char *name;
	enum llama2c_dim rows, cols;
	bool layered;
};

extern const struct llama2c_entry llama2c_entries[LLAMA2C_ENTRIES];
/** llama2c_order - of the tensors in versions 0 and 1; LLAMA2C_ENTRIES ends it. */
extern const enum llama2c_tensor llama2c_order[2][LLAMA2C_ENTRIES];

/** llama2c_floats() - elements of a tensor, of one layer; 0: the file has it not. */
int64_t llama2c_floats(const struct model_spec *s, enum llama2c_tensor t);

/** llama2c_locate() - which tensor is @name, of which layer? -ENOENT without a message. */
int llama2c_locate(const char *name, enum llama2c_tensor *t, int *layer);

/** llama2c_write() - a struct model_format's write(). */
int llama2c_write(const struct model_source *src, const char *path,
		  const struct write_options *o);

#endif
