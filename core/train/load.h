/* SPDX-License-Identifier: MIT */
/*
 * Models: a run, a model folder, or a file or folder of another program, in any format that
 * core/formats reads.
 *
 *	FOLDER/model.safetensors	weights, named as in Hugging Face
 *	FOLDER/config			the knlp configuration that describes the model
 *	FOLDER/tokenizer.json		its tokenizer
 *	FOLDER/tokenizer_config.json	what begins and ends a text, and the chat template, of a
 *					model that came from elsewhere
 *
 * Every checkpoint of a run is such a folder; a run stands for its newest good one.
 */
#ifndef TRAIN_LOAD_H
#define TRAIN_LOAD_H

#include "base/config.h"
#include "io/checkpoint.h"
#include "tensor/arch.h"

struct dataset;
struct model;
struct model_source;
struct model_spec;
struct tokenizer;

#define MODEL_FILES 3	/* config, tokenizer.json and tokenizer_config.json */

/**
 * model_files_make() - what makes a checkpoint a model folder; free them afterwards.
 * @tokenizer_config: text of tokenizer_config.json; NULL: none, and the last file has no name
 */
int model_files_make(const struct config *cfg, struct dataset *data, const char *tokenizer_config,
		     struct checkpoint_file files[MODEL_FILES]);
void model_files_free(struct checkpoint_file files[MODEL_FILES]);

/**
 * struct loaded - a model ready for use, and what belongs to it.
 * @dir: the model folder, or the path of a model of another format
 * @cfg: parameters; of another program's model: the defaults
 * @tokenizer: NULL if there is none
 * @chat_template: NULL if there is none
 * @source: what is open, and owns tokenizer and template; NULL for a model folder
 */
struct loaded {
	char *dir;
	struct config *cfg;
	struct tokenizer *tokenizer;
	char *chat_template;
	struct model *model;
	struct model_source *source;
};

/** model_folder() - the model folder that @path (a run or a model folder) stands for. */
int model_folder(const char *path, char **dir);

/** model_keep() - if folder @dir is a checkpoint of a run, mark it as never to be pruned. */
int model_keep(const char *dir);

/**
 * model_spec_read() - resolve MODEL_* of model folder @dir.
 * @tok: may be NULL, and may have special tokens at its end that the model has no row for, as
 *	Gemma 3's has: no text becomes those
 */
int model_spec_read(const char *dir, const struct config *cfg, const struct tokenizer *tok,
		    struct model_spec *spec);

/**
 * model_load() - open the model @path and load its weights onto @dev, in the types that the
 * file has.
 */
int model_load(const char *path, struct device *dev, struct loaded *l);
void model_unload(struct loaded *l);

/**
 * model_config() - put all that model @path, whatever its format, says of itself into @cfg: a
 * folder of knlp has every parameter, other formats have what MODEL_ ones can say.
 */
int model_config(const char *path, struct config *cfg);

/** model_parameters() - put what model @path, whatever its format, is into MODEL_ of @cfg. */
int model_parameters(const char *path, struct config *cfg);

/**
 * model_check_parameters() - can a model of @cfg have the weights of model @path?
 * @of: with what model_parameters() said
 *
 * Return: 0; -EINVAL naming the first parameter that makes other tensors.
 */
int model_check_parameters(const char *path, const struct config *of, const struct config *cfg);

/**
 * model_load_weights() - weights of @path, in whatever format, into @m, which must have the
 * same tensors.
 */
int model_load_weights(struct model *m, const char *path);

/**
 * model_tokenizer_config() - the tokenizer_config.json of model @path, whatever its format.
 * @text: NULL if it has none, or no tokenizer; free it
 */
int model_tokenizer_config(const char *path, char **text);

/** model_weights_hash() - checksum of the weights of run or model folder @path. */
int model_weights_hash(const char *path, char hex[HASH_HEX]);

/**
 * model_check_ids() - do the ids of @data mean to model @path, whose tokenizer is @tok, what
 * they mean to the data's tokenizer?  Return: 0; -EINVAL naming both tokenizers.
 */
int model_check_ids(const char *path, const struct tokenizer *tok, struct dataset *data);

/**
 * model_check_tokenizer() - was the model @path made with the tokenizer of @data?
 *
 * With another one its weights would mean nothing.  A folder without tokenizer passes.
 * Return: 0; -EINVAL naming both.
 */
int model_check_tokenizer(const char *path, struct dataset *data);

#endif
