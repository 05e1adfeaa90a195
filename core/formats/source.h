/* SPDX-License-Identifier: MIT */
/*
 * Models in files of all formats, as one kind of thing: a spec, a tokenizer, and named
 * tensors in the type in which the file holds them.
 *
 * Names are those of Hugging Face, (out, in) is the shape of a matrix, and a tensor means
 * what core/nn makes of it: norms' gains are what is multiplied with (Gemma's files hold
 * gain - 1), and rows of q and k are in the order that spec.position says.  Readers turn what
 * their format does otherwise; what needs no turning stays in the mapped file.
 *
 * A format is one file that ends with MODEL_FORMAT_REGISTER().
 */
#ifndef FORMATS_SOURCE_H
#define FORMATS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/section.h"
#include "block/sparse.h"
#include "nn/spec.h"
#include "tensor/dtype.h"

struct model_format;
struct tokenizer;

/**
 * struct source_tensor - a tensor of a model in a file.
 * @sparse: if the file holds some elements only: which ones; @bytes are then what they take,
 *	and @data is NULL.  See source_open_stored()
 */
struct source_tensor {
	const char *name;	/* "model.layers.0.mlp.up_proj.weight" */
	enum dtype dtype;
	int nd;
	int64_t shape[2];
	const void *data;	/* in a mapped file, or memory of the source */
	size_t bytes;
	const struct sparse_matrix *sparse;
};

/** struct source_fact - something that the file says of the model, for `knlp info`. */
struct source_fact {
	const char *key, *value;
};

/**
 * struct model_source - an open model.
 * @arch: how the file calls the architecture
 * @tokenizer: NULL if the file has none
 * @chat_template: NULL if there is none
 * @describe: opened by source_describe()
 * @memory: what source_alloc() gave
 * @private: the format's own
 */
struct model_source {
	const struct model_format *format;
	char *path;
	char *arch;
	struct model_spec spec;
	struct tokenizer *tokenizer;
	char *chat_template;
	struct source_tensor *tensors;
	int nr_tensors;
	struct source_fact *facts;
	int nr_facts;
	bool describe;
	struct source_memory *memory;
	void *private;
};

/**
 * enum write_sparse - what becomes of matrices of linear layers that have zeros.
 * @WRITE_DENSE: all elements
 * @WRITE_SMALLEST: the smallest of dense, mask and 2:4, of equal ones 2:4
 * @WRITE_MASK, @WRITE_2_4: that, where it is smaller than dense and, of 2:4, fits
 */
enum write_sparse { WRITE_DENSE, WRITE_SMALLEST, WRITE_MASK, WRITE_2_4 };

/** write_sparse_from_name() - "auto", "mask" or "2:4"; -EINVAL (no message) for others. */
int write_sparse_from_name(const char *name);

/**
 * struct write_options - how to write a model.
 * @dtype: type of matrices, or DT_COUNT: as they are
 * @llama2c_version: 0 (legacy) or 1
 * @shard_bytes: of tensors in one file of a folder of Hugging Face, at most, but for a tensor
 *	that is larger; 0: HF_SHARD_BYTES
 * @sparse: which elements of matrices a folder of Hugging Face holds (sparse.h)
 */
struct write_options {
	enum dtype dtype;
	int llama2c_version;
	uint64_t shard_bytes;
	enum write_sparse sparse;
};

/** HF_SHARD_BYTES - 5 GB, as transformers has had it. */
#define HF_SHARD_BYTES	((uint64_t)5000000000)

/**
 * struct model_format - one format.
 * @is: does @path look like it? No message.
 * @open: fill @src (zeroed but for format and path); on error source_close() frees what is there
 * @close: free @private
 * @write: a new file or folder at @path, whole or not at all; NULL: can only be read.
 *	Refuses by name what the format cannot hold.
 * @by_name: does a path that does not exist yet ask for this format ("x.gguf")? NULL: never
 */
struct model_format {
	const char *name;
	const char *summary;
	int rank;		/* order of is() */
	bool (*is)(const char *path);
	int (*open)(struct model_source *src);
	void (*close)(struct model_source *src);
	int (*write)(const struct model_source *src, const char *path,
		     const struct write_options *o);
	bool (*by_name)(const char *path);
};

#define MODEL_FORMAT_REGISTER(var) SECTION_ENTRY(knlp_model_formats, struct model_format, var)
SECTION_DECLARE(knlp_model_formats, struct model_format);

/**
 * source_open() - open the model at @path, whatever its format.
 *
 * All tensors that the spec asks for are there, with the right shapes, and no others (but
 * those that mean nothing, which are left out).
 * Return: 0; -ENOENT; -EINVAL with one line that names file, tensor and reason.
 */
int source_open(const char *path, struct model_source **src);

/**
 * source_open_stored() - the same, but matrices of which the file holds some elements only stay
 * so; source_open() makes them dense.
 */
int source_open_stored(const char *path, struct model_source **src);

/**
 * source_describe() - the same to look at all but the weights: the data of tensors that
 * would have to be turned, which takes time and memory, are NULL.
 */
int source_describe(const char *path, struct model_source **src);

void source_close(struct model_source *src);

/** source_find() - the tensor @name, or NULL (no message). */
const struct source_tensor *source_find(const struct model_source *src, const char *name);

/**
 * source_write() - write @src to @path, which does not exist yet.
 * @format: name of the format; NULL: by the name of @path
 */
int source_write(const struct model_source *src, const char *path, const char *format,
		 const struct write_options *o);

/**
 * source_row() - which row of @src's tensor @name is row @r of it in a file whose order of the
 * rows of q and k is @position (POS_ROPE: Hugging Face).
 */
int64_t source_row(const struct model_source *src, const char *name, enum position position,
		   int64_t r);

/** hf_chat_template() - the template of folder @dir; NULL where there is none. Free it. */
int hf_chat_template(const char *dir, char **text);

/** model_format_find() - by name; NULL with a message that lists them. */
const struct model_format *model_format_find(const char *name);

#endif
