// SPDX-License-Identifier: MIT
#include "train/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "data/dataset.h"
#include "formats/source.h"
#include "infer/load.h"
#include "io/checkpoint.h"
#include "io/run.h"
#include "io/safetensors.h"
#include "nn/model.h"

#define CONFIG_FILE "config"
#define WEIGHTS_FILE "model.safetensors"
#define TOKENIZER_CONFIG_MAX ((size_t)16 << 20)

/* ---- writing ----------------------------------------------------------------- */

static int config_file(const struct config *cfg, struct checkpoint_file *file)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int ret;

	if (!f)
		return fail_nomem(0, "the configuration");
	ret = config_write_shared(cfg, f);
	fclose(f);
	*file = (struct checkpoint_file){ CONFIG_FILE, text, len };
	return ret;
}

static int tokenizer_file(struct dataset *data, struct checkpoint_file *file)
{
	struct tokenizer *tok;
	struct strbuf sb;
	int ret = dataset_tokenizer(data, &tok);

	if (ret)
		return ret;
	strbuf_init(&sb);
	tokenizer_json(tok, &sb);
	ret = strbuf_ok(&sb);
	*file = (struct checkpoint_file){ TOKENIZER_FILE, NULL, sb.len };
	file->bytes = strbuf_detach(&sb);
	return ret;
}

static int tokenizer_config_file(const char *text, struct checkpoint_file *file)
{
	char *copy = strdup(text);

	if (!copy)
		return fail_nomem(strlen(text), TOKENIZER_CONFIG);
	*file = (struct checkpoint_file){ TOKENIZER_CONFIG, copy, strlen(copy) };
	return 0;
}

int model_files_make(const struct config *cfg, struct dataset *data, const char *tokenizer_config,
		     struct checkpoint_file files[MODEL_FILES])
{
	int ret;

	memset(files, 0, MODEL_FILES * sizeof(files[0]));
	ret = config_file(cfg, &files[0]);
	if (!ret)
		ret = tokenizer_file(data, &files[1]);
	if (!ret && tokenizer_config)
		ret = tokenizer_config_file(tokenizer_config, &files[2]);
	if (ret)
		model_files_free(files);
	return ret;
}

void model_files_free(struct checkpoint_file files[MODEL_FILES])
{
	for (int i = 0; i < MODEL_FILES; i++)
		free((void *)files[i].bytes);
}

static bool has_file(const char *dir, const char *name)
{
	char *path = path_join(dir, name);
	bool there = path && file_exists(path);

	free(path);
	return there;
}

/* Is the tokenizer of @data, whose hash is another, the same but for the file's format? */
static bool same_but_for_format(struct dataset *data, const struct tokenizer *tok)
{
	struct tokenizer *own;

	if (!dataset_tokenizer(data, &own))
		return tokenizer_same(own, tok);
	fail_clear();
	return false;
}

/* Ids of another tokenizer mean other texts. */
int model_check_ids(const char *path, const struct tokenizer *tok, struct dataset *data)
{
	const struct manifest *m = dataset_manifest(data);

	if (!strcmp(m->tokenizer_hash, tokenizer_hash(tok)) || same_but_for_format(data, tok))
		return 0;
	return fail(-EINVAL, "%s: tokenized with '%s', but the model %s was trained with '%s'",
		    dataset_dir(data), m->tokenizer, path, tokenizer_name(tok));
}

/* ---- formats of others -------------------------------------------------------------- */

/* Another program's model; ours have a configuration of knlp or are runs. */
static bool is_foreign(const char *path)
{
	struct stat st;

	if (!IS_ENABLED(CONFIG_FORMATS) || stat(path, &st))
		return false;
	if (!S_ISDIR(st.st_mode))
		return true;
	return has_file(path, "config.json") && !has_file(path, CONFIG_FILE);
}

static int load_foreign(struct loaded *l, const char *path, struct device *dev)
{
	int ret = source_open_stored(path, &l->source);

	if (ret)
		return ret;
	l->dir = strdup(path);
	l->cfg = config_new();
	if (!l->dir || !l->cfg)
		return fail_nomem(strlen(path), "a model");
	l->tokenizer = l->source->tokenizer;
	l->chat_template = l->source->chat_template;
	return model_from_source(l->source, dev, &l->model);
}

static int check_foreign(const char *path, struct dataset *data)
{
	struct model_source *src;
	int ret = source_describe(path, &src);

	if (ret)
		return ret;
	if (src->tokenizer)
		ret = model_check_ids(path, src->tokenizer, data);
	source_close(src);
	return ret;
}

static int tokenizer_config_foreign(const char *path, char **text)
{
	struct model_source *src;
	struct strbuf sb;
	int ret = source_describe(path, &src);

	if (ret)
		return ret;
	strbuf_init(&sb);
	if (src->tokenizer) {
		tokenizer_config_json(src->tokenizer, src->chat_template, &sb);
		ret = strbuf_ok(&sb);
	}
	if (!ret && sb.len)
		*text = strbuf_detach(&sb);
	strbuf_free(&sb);
	source_close(src);
	return ret;
}

static int parameters_foreign(const char *path, struct config *cfg)
{
	struct model_source *src;
	int ret = source_describe(path, &src);

	if (ret)
		return ret;
	ret = spec_to_config(&src->spec, cfg);
	if (ret)
		ret = fail_in(ret, "%s", path);
	source_close(src);
	return ret;
}

/* Of the file, or of the first of those that a folder has. */
static int hash_foreign(const char *path, char hex[HASH_HEX])
{
	static const char *const names[] = { WEIGHTS_FILE, WEIGHTS_FILE ".index.json" };
	int ret = -ENOENT;

	if (!has_file(path, "config.json"))
		return hash_file(path, hex);
	for (int i = 0; i < 2 && ret == -ENOENT; i++) {
		char *file = path_join(path, names[i]);

		ret = file ? 0 : fail_nomem(strlen(path), "a path");
		if (!ret)
			ret = file_exists(file) ? hash_file(file, hex) : -ENOENT;
		free(file);
	}
	return ret == -ENOENT ? fail(ret, "%s: no " WEIGHTS_FILE, path) : ret;
}

static int fill_foreign(struct model *m, const char *path)
{
	struct model_source *src;
	int ret = source_open(path, &src);

	if (ret)
		return ret;
	ret = model_fill(m, src);
	source_close(src);
	return ret;
}

/* ---- reading ----------------------------------------------------------------- */

static int newest_checkpoint(const char *path, char **dir)
{
	struct checkpoint *ck;
	struct run *run;
	int ret = run_open(path, &run);

	if (ret)
		return ret;
	ret = checkpoint_latest(run, &ck);
	if (!ret) {
		*dir = strdup(ck->dir);
		checkpoint_close(ck);
		if (!*dir)
			ret = fail_nomem(strlen(path), "a path");
	} else if (ret == -ENOENT) {
		ret = fail(ret, "%s: this run has no checkpoint yet", path);
	}
	run_close(run);
	return ret;
}

int model_folder(const char *path, char **dir)
{
	if (!file_exists(path))
		return fail(-ENOENT, "%s: no such run or model folder", path);
	if (dataset_is_folder(path))
		return fail(-EINVAL, "%s: a data folder, not a run or model", path);
	if (!has_file(path, WEIGHTS_FILE))
		return newest_checkpoint(path, dir);
	*dir = strdup(path);
	return *dir ? 0 : fail_nomem(strlen(path), "a path");
}

int model_keep(const char *dir)
{
	return has_file(dir, "state.yaml") ? checkpoint_keep(dir) : 0;
}

static int load_from(struct model *m, const char *dir)
{
	char *path = path_join(dir, WEIGHTS_FILE);
	struct tensor_entry *entries;
	struct st *st;
	int nr, ret;

	if (!path)
		return fail_nomem(strlen(dir), "a path");
	ret = st_open(path, &st);
	free(path);
	if (ret)
		return ret;
	nr = model_entries(m, SEG_WEIGHT, SEG_WEIGHT, &entries);
	if (nr < 0) {
		ret = nr;
	} else {
		ret = st_load(st, entries, nr);
		model_entries_free(entries, nr);
	}
	st_close(st);
	return ret ? ret : model_refresh(m);
}

int model_load_weights(struct model *m, const char *path)
{
	char *dir;
	int ret;

	if (is_foreign(path))
		return fill_foreign(m, path);
	ret = model_folder(path, &dir);
	if (ret)
		return ret;
	ret = load_from(m, dir);
	free(dir);
	return ret;
}

/* As it is: a build that reads no JSON hands it on, too. */
static int read_tokenizer_config(const char *dir, char **text)
{
	char *path = path_join(dir, TOKENIZER_CONFIG);
	size_t len;
	int ret = 0;

	if (!path)
		return fail_nomem(strlen(dir), "a path");
	if (file_exists(path))
		ret = file_read_all(path, TOKENIZER_CONFIG_MAX, text, &len);
	free(path);
	return ret;
}

int model_tokenizer_config(const char *path, char **text)
{
	char *dir;
	int ret;

	*text = NULL;
	if (is_foreign(path))
		return tokenizer_config_foreign(path, text);
	ret = model_folder(path, &dir);
	if (ret)
		return ret;
	ret = read_tokenizer_config(dir, text);
	free(dir);
	return ret;
}

int model_weights_hash(const char *path, char hex[HASH_HEX])
{
	char *dir, *file;
	int ret;

	if (is_foreign(path))
		return hash_foreign(path, hex);
	ret = model_folder(path, &dir);
	if (ret)
		return ret;
	file = path_join(dir, WEIGHTS_FILE);
	ret = file ? hash_file(file, hex) : fail_nomem(strlen(dir), "a path");
	free(file);
	free(dir);
	return ret;
}

int model_check_tokenizer(const char *path, struct dataset *data)
{
	struct tokenizer *tok = NULL;
	char *dir;
	int ret;

	if (is_foreign(path))
		return check_foreign(path, data);
	ret = model_folder(path, &dir);
	if (ret)
		return ret;
	if (has_file(dir, TOKENIZER_FILE))
		ret = tokenizer_load(dir, &tok);
	if (tok)
		ret = model_check_ids(path, tok, data);
	tokenizer_free(tok);
	free(dir);
	return ret;
}

static int read_config(const char *dir, struct config *cfg)
{
	char *path = path_join(dir, CONFIG_FILE);
	int ret = path && cfg ? config_load(cfg, path) : fail_nomem(strlen(dir), "parameters");

	free(path);
	return ret;
}

static int load_config(struct loaded *l)
{
	l->cfg = config_new();
	return read_config(l->dir, l->cfg);
}

int model_config(const char *path, struct config *cfg)
{
	char *dir;
	int ret;

	if (is_foreign(path))
		return parameters_foreign(path, cfg);
	ret = model_folder(path, &dir);
	if (ret)
		return ret;
	ret = read_config(dir, cfg);
	free(dir);
	return ret;
}

int model_parameters(const char *path, struct config *cfg)
{
	struct config *of = config_copy(cfg);
	int ret = of ? model_config(path, of) : fail_nomem(0, "parameters");

	for (int id = 0; id < PARAM_COUNT && !ret; id++)
		if (!strncmp(params[id].name, "MODEL_", 6))
			ret = config_put(cfg, id, config_text(of, id));
	config_free(of);
	return ret;
}

int model_check_parameters(const char *path, const struct config *of, const struct config *cfg)
{
	static const enum param_id shapes[] = {
		PARAM_MODEL_FAMILY, PARAM_MODEL_LAYERS, PARAM_MODEL_WIDTH, PARAM_MODEL_HEADS,
		PARAM_MODEL_KV_HEADS, PARAM_MODEL_HEAD_DIM, PARAM_MODEL_MLP_WIDTH,
		PARAM_MODEL_VOCAB, PARAM_MODEL_TIED, PARAM_MODEL_BIAS, PARAM_MODEL_QKV_BIAS,
		PARAM_MODEL_POST_NORMS, PARAM_MODEL_GATE,
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const char *there = config_text(of, shapes[i]);
		const char *here = config_text(cfg, shapes[i]);

		if (!config_is_auto(of, shapes[i]) && strcmp(there, here))
			return fail(-EINVAL, "--init: %s is %s in %s, not %s: leave it out, and "
				    "it is as there", params[shapes[i]].name, there, path, here);
	}
	return 0;
}

int model_spec_read(const char *dir, const struct config *cfg, const struct tokenizer *tok,
		    struct model_spec *spec)
{
	int tokens = tok ? (int)tokenizer_vocab(tok) : 0, rows = tokens, ret;

	if (!config_is_auto(cfg, PARAM_MODEL_VOCAB))
		rows = (int)config_int(cfg, PARAM_MODEL_VOCAB);
	while (tokens > rows && tokenizer_is_special(tok, tokens - 1))
		tokens--;
	ret = spec_from_config(cfg, tokens, spec);
	return ret ? fail_in(ret, "%s", dir) : 0;
}

static int load_weights(struct loaded *l, struct device *dev)
{
	struct model_spec spec;
	int ret = model_spec_read(l->dir, l->cfg, l->tokenizer, &spec);

	if (!ret)
		ret = model_new(&spec, NULL, &l->model);
	if (!ret)
		ret = model_alloc(l->model, dev);
	return ret ? ret : load_from(l->model, l->dir);
}

static int load_folder(struct loaded *l, const char *path, struct device *dev)
{
	int ret = model_folder(path, &l->dir);

	if (!ret)
		ret = load_config(l);
	if (!ret)
		ret = tokenizer_load(l->dir, &l->tokenizer);
	if (!ret && IS_ENABLED(CONFIG_FORMATS))
		ret = hf_chat_template(l->dir, &l->chat_template);
	return ret ? ret : load_weights(l, dev);
}

int model_load(const char *path, struct device *dev, struct loaded *l)
{
	int ret;

	memset(l, 0, sizeof(*l));
	ret = is_foreign(path) ? load_foreign(l, path, dev) : load_folder(l, path, dev);
	if (ret)
		model_unload(l);
	return ret;
}

void model_unload(struct loaded *l)
{
	model_free(l->model);
	if (IS_ENABLED(CONFIG_FORMATS) && l->source) {
		source_close(l->source);
	} else {
		tokenizer_free(l->tokenizer);
		free(l->chat_template);
	}
	config_free(l->cfg);
	free(l->dir);
	memset(l, 0, sizeof(*l));
}
