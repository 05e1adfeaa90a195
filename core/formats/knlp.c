// SPDX-License-Identifier: MIT
/*
 * knlp's own folders: runs, checkpoints and models (train/load.h).
 */
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/fail.h"
#include "base/file.h"
#include "data/tokenizer.h"
#include "formats/hf-internal.h"
#include "nn/family.h"
#include "train/load.h"

#define CONFIG_FILE "config"

static bool knlp_is(const char *path)
{
	return file_in(path, CONFIG_FILE) &&
	       (file_in(path, HF_WEIGHTS) || file_in(path, "checkpoints"));
}

static int read_spec(struct model_source *src, const char *dir)
{
	char *path = path_join(dir, CONFIG_FILE);
	struct config *cfg = config_new();
	int ret = path && cfg ? config_load(cfg, path) : fail_nomem(strlen(dir), "a model");

	if (!ret)
		ret = model_spec_read(dir, cfg, src->tokenizer, &src->spec);
	config_free(cfg);
	free(path);
	if (ret)
		return ret;
	src->arch = strdup(src->spec.family->name);
	return src->arch ? source_fact(src, "folder", "%s", dir) : fail_nomem(8, "a name");
}

static int open_folder(struct model_source *src, const char *dir)
{
	struct hf_weights *w = src->private;
	int ret = 0;

	if (file_in(dir, TOKENIZER_FILE))
		ret = tokenizer_load(dir, &src->tokenizer);
	if (!ret)
		ret = read_spec(src, dir);
	if (!ret)
		ret = hf_weights_open(dir, w);
	if (!ret)
		ret = hf_collect(src, w, 0);
	return ret ? ret : hf_chat_template(dir, &src->chat_template);
}

static int knlp_open(struct model_source *src)
{
	char *dir;
	int ret;

	src->private = calloc(1, sizeof(struct hf_weights));
	if (!src->private)
		return fail_nomem(sizeof(struct hf_weights), src->path);
	ret = model_folder(src->path, &dir);
	if (ret)
		return ret;
	ret = open_folder(src, dir);
	free(dir);
	return ret;
}

static void knlp_close(struct model_source *src)
{
	if (src->private)
		hf_weights_close(src->private);
	free(src->private);
}

/* ---- writing ------------------------------------------------------------------------- */

/* Training wants f32. */
static enum dtype type_of(const struct model_source *src, const struct source_tensor *t, float add,
			  const struct write_options *o)
{
	return DT_F32;
}

static int write_config(const struct model_spec *spec, const char *dir)
{
	struct config *cfg = config_new();
	struct strbuf sb;
	size_t len = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);
	int ret = cfg && f ? spec_to_config(spec, cfg) : fail_nomem(0, "a configuration");

	if (!ret)
		ret = config_write_shared(cfg, f);
	if (f)
		fclose(f);
	strbuf_init(&sb);
	strbuf_add(&sb, text, len);
	if (!ret)
		ret = folder_put(dir, CONFIG_FILE, &sb);
	strbuf_free(&sb);
	free(text);
	config_free(cfg);
	return ret;
}

static int write_folder(const struct model_source *src, struct outgoing *out, const char *dir)
{
	int ret = write_config(&src->spec, dir);

	if (!ret)
		ret = hf_tokenizer_write(src, dir);
	return ret ? ret : hf_weights_write(out, NULL, dir, UINT64_MAX);
}

static int knlp_write(const struct model_source *src, const char *path,
		      const struct write_options *o)
{
	struct outgoing_rules rules = { .position = src->spec.position, .type = type_of };
	struct outgoing out;
	char *tmp;
	int ret;

	if (o->dtype != DT_COUNT && o->dtype != DT_F32)
		return fail(-ENOTSUP, "%s: model folders of knlp hold f32, not %s", path,
			    dtype_info(o->dtype)->name);
	ret = outgoing_make(src, &rules, o, &out);
	if (ret)
		return ret;
	tmp = folder_begin(path);
	ret = tmp ? write_folder(src, &out, tmp) : -ENOMEM;
	if (tmp)
		ret = folder_end(tmp, path, ret ? fail_in(ret, "%s", path) : 0);
	outgoing_free(&out);
	return ret;
}

static const struct model_format knlp = {
	.name = "knlp",
	.summary = "a run or model folder of knlp",
	.rank = 5,
	.is = knlp_is,
	.open = knlp_open,
	.close = knlp_close,
	.write = knlp_write,
};
MODEL_FORMAT_REGISTER(knlp);
