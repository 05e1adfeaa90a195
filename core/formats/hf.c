// SPDX-License-Identifier: MIT
/*
 * Folders of Hugging Face.  Documentation/formats/hugging-face.md.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/file.h"
#include "data/tokenizer.h"
#include "formats/hf-internal.h"
#include "nn/family.h"

#define TEXT_MAX ((size_t)16 << 20)

float hf_subtracted(const struct model_spec *spec)
{
	return spec->post_norms ? 1 : 0;
}

/* ---- chat templates ---------------------------------------------------------------- */

static int read_template_file(const char *path, char **text)
{
	size_t len;
	int ret = file_read_all(path, TEXT_MAX, text, &len);

	if (!ret && strlen(*text) != len) {
		ret = fail(-EINVAL, "%s: a NUL byte", path);
		free(*text);
		*text = NULL;
	}
	return ret;
}

/* Older models have several, in a list; one of them is called "default". */
static const char *template_of(const cJSON *root)
{
	const cJSON *t = json_get(root, "chat_template"), *item;

	if (!cJSON_IsArray(t))
		return cJSON_GetStringValue(t);
	cJSON_ArrayForEach(item, t) {
		const char *name = cJSON_GetStringValue(json_get(item, "name"));

		if (name && !strcmp(name, "default"))
			return cJSON_GetStringValue(json_get(item, "template"));
	}
	return NULL;
}

static int read_template_json(const char *path, char **text)
{
	const char *found;
	cJSON *root;
	int ret = json_read(path, &root);

	if (ret)
		return ret;
	found = template_of(root);
	*text = found ? strdup(found) : NULL;
	if (found && !*text)
		ret = fail_nomem(strlen(found), "a chat template");
	cJSON_Delete(root);
	return ret;
}

int hf_chat_template(const char *dir, char **text)
{
	char *file = path_join(dir, "chat_template.jinja");
	char *config = path_join(dir, "tokenizer_config.json");
	int ret = 0;

	*text = NULL;
	if (!file || !config)
		ret = fail_nomem(strlen(dir), "a file name");
	else if (file_exists(file))
		ret = read_template_file(file, text);
	else if (file_exists(config))
		ret = read_template_json(config, text);
	free(file);
	free(config);
	return ret;
}

/* ---- opening ----------------------------------------------------------------------- */

static bool hf_is(const char *path)
{
	return file_in(path, HF_CONFIG);
}

static int read_config(struct model_source *src, int max_layers)
{
	char *path = path_join(src->path, HF_CONFIG);
	const char *type;
	cJSON *root;
	int ret;

	if (!path)
		return fail_nomem(strlen(src->path), "a file name");
	ret = json_read(path, &root);
	if (ret)
		goto out_path;
	ret = hf_config_read(path, root, max_layers, &src->spec);
	if (!ret)
		ret = json_string(path, root, "model_type", &type);
	if (!ret) {
		src->arch = strdup(type);
		ret = src->arch ? source_json_facts(src, root) : fail_nomem(strlen(type), "a name");
	}
	cJSON_Delete(root);
out_path:
	free(path);
	return ret;
}

static int read_tokenizer(struct model_source *src)
{
	if (!file_in(src->path, TOKENIZER_FILE) && !file_in(src->path, "tokenizer.model"))
		return 0;
	return tokenizer_open(src->path, &src->tokenizer);
}

static int hf_open(struct model_source *src)
{
	struct hf_weights *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return fail_nomem(sizeof(*w), src->path);
	src->private = w;
	ret = hf_weights_open(src->path, w);
	if (!ret)
		ret = read_config(src, w->nr_tensors < SPEC_LAYERS_MAX ? (int)w->nr_tensors
								       : SPEC_LAYERS_MAX);
	if (!ret)
		ret = hf_collect(src, w, hf_subtracted(&src->spec));
	if (!ret)
		ret = read_tokenizer(src);
	return ret ? ret : hf_chat_template(src->path, &src->chat_template);
}

static void hf_close(struct model_source *src)
{
	if (src->private)
		hf_weights_close(src->private);
	free(src->private);
}

/* What looks like no file of another format is to be a folder. */
static bool hf_by_name(const char *path)
{
	return !path_ends(path, ".bin") && !path_ends(path, ".gguf") &&
	       !path_ends(path, ".safetensors");
}

static const struct model_format hf = {
	.name = "hf",
	.summary = "a folder of Hugging Face: config.json, model.safetensors, tokenizer.json",
	.rank = 20,
	.is = hf_is,
	.open = hf_open,
	.close = hf_close,
	.write = hf_write,
	.by_name = hf_by_name,
};
MODEL_FORMAT_REGISTER(hf);
