/* SPDX-License-Identifier: MIT */
/* Folders of Hugging Face: what the parts of their reader and writer share. */
#ifndef FORMATS_HF_INTERNAL_H
#define FORMATS_HF_INTERNAL_H

#include "base/strbuf.h"
#include "formats/source-internal.h"
#include "io/json.h"
#include "io/safetensors.h"

#define HF_CONFIG	"config.json"
#define HF_WEIGHTS	"model.safetensors"
#define HF_INDEX	"model.safetensors.index.json"

#define HF_GEMMA3_IMAGES "gemma3"	/* the model_type of those that see images, too */

/** struct hf_tensor - a tensor, and the file it is in. */
struct hf_tensor {
	const struct st_view *view;
	const struct st *file;
	bool used;
};

/** struct hf_weights - the safetensors files of a folder, as one. */
struct hf_weights {
	struct st **files;
	int nr_files;
	struct hf_tensor *tensors;	/* sorted by name */
	size_t nr_tensors;
};

/** hf_weights_open() - model.safetensors, or the shards that the index names. */
int hf_weights_open(const char *dir, struct hf_weights *w);
void hf_weights_close(struct hf_weights *w);
/** hf_weights_find() - by name, or NULL (no message). */
struct hf_tensor *hf_weights_find(struct hf_weights *w, const char *name);
/** hf_weights_look_up() - the same, also by the other names that files have for a tensor. */
struct hf_tensor *hf_weights_look_up(struct hf_weights *w, const char *name);

#define HF_SPARSE "knlp-sparse"	/* quant_method: programs that do not know it refuse the folder */

/**
 * hf_sparse_find() - the tensors that stand for matrix @info of which some elements are stored.
 * Return: 1: found; 0: there are none; -EINVAL with a message; -ENOMEM.
 */
int hf_sparse_find(struct model_source *src, struct hf_weights *w, const struct param_info *info,
		   struct found_tensor *f);

/**
 * struct hf_packed - a matrix on its way into a file.
 * @kind: SPARSE_NONE: it stays dense, and the rest is not set
 * @places, @values: made when they are written
 */
struct hf_packed {
	struct turned *turned;
	enum sparse_kind kind;
	int64_t nr_values;
	char *places_name, *values_name;
	uint8_t *places;
	char *values;
};

/**
 * hf_packed_make() - how each tensor of @out is to be written.
 * @packed: (out->nr); ends with hf_packed_free()
 *
 * Return: 0; -EINVAL if no matrix would be smaller than dense.
 */
int hf_packed_make(const struct model_source *src, const char *path, struct outgoing *out,
		   enum write_sparse how, struct hf_packed **packed);
void hf_packed_free(struct hf_packed *packed, int nr);
/** hf_packed_bytes() - in the file; of a sparse one. */
uint64_t hf_packed_bytes(const struct hf_packed *p);
/** hf_packed_entries() - its two tensors, which one file holds. */
void hf_packed_entries(struct hf_packed *p, struct tensor_entry e[2]);

/**
 * hf_collect() - fill the tensors of @src, whose spec is set, from @w.
 * @subtract: norms hold what is multiplied with minus this
 *
 * Tensors that no parameter asks for are refused, but those that mean nothing.
 */
int hf_collect(struct model_source *src, struct hf_weights *w, float subtract);

/** hf_subtracted() - what norms of @spec's family are too small by in Hugging Face's files. */
float hf_subtracted(const struct model_spec *spec);

/**
 * hf_config_read() - a config.json to a spec.
 * @file: its name, for messages
 * @max_layers: more are not believed
 */
int hf_config_read(const char *file, const cJSON *config, int max_layers,
		   struct model_spec *spec);

/**
 * hf_config_write() - append the config.json of @src, whose matrices have type @dtype.
 * @sparse: some of them are sparse
 */
int hf_config_write(const struct model_source *src, enum dtype dtype, bool sparse,
		    struct strbuf *sb);

/** hf_type_of() - of struct outgoing_rules: the type of a tensor in a safetensors file. */
enum dtype hf_type_of(const struct model_source *src, const struct source_tensor *t, float add,
		      const struct write_options *o);
/**
 * hf_weights_write() - model.safetensors in @dir, or shards and their index.
 * @packed: which tensors are sparse; NULL: none
 * @shard_bytes: most bytes of tensors in a file; one that is larger has its own
 */
int hf_weights_write(struct outgoing *out, struct hf_packed *packed, const char *dir,
		     uint64_t shard_bytes);
/** hf_tokenizer_write() - tokenizer.json and tokenizer_config.json in @dir, if @src has any. */
int hf_tokenizer_write(const struct model_source *src, const char *dir);
/** hf_write() - a struct model_format's write(). */
int hf_write(const struct model_source *src, const char *path, const struct write_options *o);

/** source_json_facts() - note the members of @object that are no objects. */
int source_json_facts(struct model_source *src, const cJSON *object);

#endif
