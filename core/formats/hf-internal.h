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

/** hf_config_write() - append the config.json of @src, whose matrices have type @dtype. */
int hf_config_write(const struct model_source *src, enum dtype dtype, struct strbuf *sb);

/** hf_type_of() - of struct outgoing_rules: the type of a tensor in a safetensors file. */
enum dtype hf_type_of(const struct model_source *src, const struct source_tensor *t, float add,
		      const struct write_options *o);
/**
 * hf_weights_write() - model.safetensors in @dir, or shards and their index.
 * @shard_bytes: most bytes of tensors in a file; one that is larger has its own
 */
int hf_weights_write(struct outgoing *out, const char *dir, uint64_t shard_bytes);
/** hf_tokenizer_write() - tokenizer.json and tokenizer_config.json in @dir, if @src has any. */
int hf_tokenizer_write(const struct model_source *src, const char *dir);
/** hf_write() - a struct model_format's write(). */
int hf_write(const struct model_source *src, const char *path, const struct write_options *o);

/** source_json_facts() - note the members of @object that are no objects. */
int source_json_facts(struct model_source *src, const cJSON *object);

#endif
