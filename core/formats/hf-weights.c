// SPDX-License-Identifier: MIT
/*
 * The weights of a Hugging Face folder: one safetensors file, or shards with an index.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "formats/hf-internal.h"
#include "io/safetensors-internal.h"

#define SHARDS_MAX 4096

/* ---- files ------------------------------------------------------------------------ */

static int add_file(struct hf_weights *w, const char *dir, const char *name)
{
	struct st **files = realloc(w->files, (w->nr_files + 1) * sizeof(*files));
	char *path;
	int ret;

	if (!files)
		return fail_nomem(w->nr_files * sizeof(*files), "the files of a model");
	w->files = files;
	path = path_join(dir, name);
	if (!path)
		return fail_nomem(strlen(name), "a file name");
	ret = st_open(path, &files[w->nr_files]);
	if (!ret)
		w->nr_files++;
	free(path);
	return ret;
}

static bool has_file(const struct hf_weights *w, const char *dir, const char *name)
{
	size_t len = strlen(dir);

	for (int i = 0; i < w->nr_files; i++) {
		const char *path = st_path(w->files[i]) + len;

		if (!strcmp(path + (*path == '/'), name))
			return true;
	}
	return false;
}

/* An index may name files of its own folder only. */
static int open_shard(struct hf_weights *w, const char *dir, const char *index,
		      const cJSON *item)
{
	const char *name = cJSON_GetStringValue(item);

	if (!name || !*name || strchr(name, '/'))
		return fail(-EINVAL, "%s: tensor '%s': '%s' is no name of a file", index,
			    item->string, name ? name : "");
	if (has_file(w, dir, name))
		return 0;
	if (w->nr_files == SHARDS_MAX)
		return fail(-EINVAL, "%s: more than %d files", index, SHARDS_MAX);
	return add_file(w, dir, name);
}

static int open_shards(struct hf_weights *w, const char *dir, const char *index, cJSON **root)
{
	const cJSON *map, *item;
	int ret = json_read(index, root);

	if (!ret)
		ret = json_object(index, *root, "weight_map", &map);
	if (ret)
		return ret;
	cJSON_ArrayForEach(item, map) {
		ret = open_shard(w, dir, index, item);
		if (ret)
			return ret;
	}
	return w->nr_files ? 0 : fail(-EINVAL, "%s: 'weight_map' names no files", index);
}

static int compare_tensors(const void *a, const void *b)
{
	const struct hf_tensor *x = a, *y = b;

	return strcmp(x->view->name, y->view->name);
}

static int list_tensors(struct hf_weights *w)
{
	size_t nr = 0;

	for (int i = 0; i < w->nr_files; i++)
		nr += st_count(w->files[i]);
	w->tensors = calloc(nr + 1, sizeof(*w->tensors));
	if (!w->tensors)
		return fail_nomem(nr * sizeof(*w->tensors), "the tensors of a model");
	for (int i = 0; i < w->nr_files; i++)
		for (size_t k = 0; k < st_count(w->files[i]); k++)
			w->tensors[w->nr_tensors++] = (struct hf_tensor){
				.view = st_at(w->files[i], k), .file = w->files[i] };
	qsort(w->tensors, nr, sizeof(*w->tensors), compare_tensors);
	for (size_t i = 1; i < nr; i++)
		if (!compare_tensors(&w->tensors[i - 1], &w->tensors[i]))
			return fail(-EINVAL, "%s: tensor '%s' is in %s as well",
				    st_path(w->tensors[i].file), w->tensors[i].view->name,
				    st_path(w->tensors[i - 1].file));
	return 0;
}

static int check_index(struct hf_weights *w, const char *index, const cJSON *root)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, json_get(root, "weight_map")) {
		const struct hf_tensor *t = hf_weights_find(w, item->string);
		const char *name = cJSON_GetStringValue(item);

		if (!t)
			return fail(-EINVAL, "%s: tensor '%s' is not in %s", index, item->string,
				    name);
		if (!str_has_suffix(st_path(t->file), name))
			return fail(-EINVAL, "%s: tensor '%s' is in %s, not in %s", index,
				    item->string, st_path(t->file), name);
	}
	return 0;
}

/* Where there are no weights that knlp reads: are there others? */
static int open_single(struct hf_weights *w, const char *dir)
{
	static const char *const others[] = {
		"pytorch_model.bin", "pytorch_model.bin.index.json",
		"consolidated.safetensors", "tf_model.h5", "flax_model.msgpack",
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!file_in(dir, HF_WEIGHTS) && file_in(dir, others[i]))
			return fail(-ENOTSUP, "%s: the weights are in %s: knlp reads " HF_WEIGHTS
				    ", which transformers' save_pretrained() writes", dir,
				    others[i]);
	return add_file(w, dir, HF_WEIGHTS);
}

int hf_weights_open(const char *dir, struct hf_weights *w)
{
	char *index = path_join(dir, HF_INDEX);
	cJSON *root = NULL;
	int ret;

	memset(w, 0, sizeof(*w));
	if (!index)
		return fail_nomem(strlen(dir), "a file name");
	if (file_exists(index) && !file_in(dir, HF_WEIGHTS))
		ret = open_shards(w, dir, index, &root);
	else
		ret = open_single(w, dir);
	if (!ret)
		ret = list_tensors(w);
	if (!ret && root)
		ret = check_index(w, index, root);
	cJSON_Delete(root);
	free(index);
	if (ret)
		hf_weights_close(w);
	return ret;
}

void hf_weights_close(struct hf_weights *w)
{
	for (int i = 0; i < w->nr_files; i++)
		st_close(w->files[i]);
	free(w->files);
	free(w->tensors);
	memset(w, 0, sizeof(*w));
}

static int compare_name(const void *name, const void *tensor)
{
	return strcmp(name, ((const struct hf_tensor *)tensor)->view->name);
}

struct hf_tensor *hf_weights_find(struct hf_weights *w, const char *name)
{
	return bsearch(name, w->tensors, w->nr_tensors, sizeof(*w->tensors), compare_name);
}

/* ---- tensors ---------------------------------------------------------------------- */

struct collect {
	struct model_source *src;
	struct hf_weights *weights;
	float subtract;
};

/*
 * OpenAI's files of GPT-2 lack the prefix that everybody else's have.  In models that see
 * images the language model is a part: "language_model.model.x", or in files of version 5
 * "model.language_model.x".
 */
static const struct {
	const char *usual, *other;
} prefixes[] = {
	{ "transformer.", "" },
	{ "", "language_model." },
	{ "model.", "model.language_model." },
};

struct hf_tensor *hf_weights_look_up(struct hf_weights *w, const char *name)
{
	struct hf_tensor *t = hf_weights_find(w, name);
	char other[160];	/* the longest name that families have takes half */

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]) && !t; i++) {
		size_t len = strlen(prefixes[i].usual);

		if (strncmp(name, prefixes[i].usual, len))
			continue;
		snprintf(other, sizeof(other), "%s%s", prefixes[i].other, name + len);
		t = hf_weights_find(w, other);
	}
	return t;
}

static bool is_aligned(const struct st_view *v)
{
	return v->dtype == DT_COUNT || !((uintptr_t)v->data % dtype_size(v->dtype));
}

/* @from, which is (cols, rows), as (rows, cols). */
static void turn_over(size_t size, int64_t rows, int64_t cols, const void *from, void *to)
{
	struct st_transpose tr = { .size = size, .rows = rows, .cols = cols };
	size_t at = 0;

	while (at < (size_t)(rows * cols))
		at += st_transpose_piece(&tr, from, at, (char *)to + at * size);
}

static int transpose(struct collect *c, struct source_tensor *t)
{
	int64_t rows = t->shape[1], cols = t->shape[0];
	void *turned;

	t->shape[0] = rows;
	t->shape[1] = cols;
	if (c->src->describe) {
		t->data = NULL;
		return 0;
	}
	turned = source_alloc(c->src, t->bytes, t->name);
	if (!turned)
		return -ENOMEM;
	turn_over(dtype_size(t->dtype), rows, cols, t->data, turned);
	t->data = turned;
	return 0;
}

static int copy(struct collect *c, struct source_tensor *t)
{
	void *copied = source_alloc(c->src, t->bytes, t->name);

	if (!copied)
		return -ENOMEM;
	memcpy(copied, t->data, t->bytes);
	t->data = copied;
	return 0;
}

/* A norm's gain, as f32. */
static int add_to_norm(struct collect *c, struct source_tensor *t)
{
	float *gain = source_alloc(c->src, t->shape[0] * sizeof(*gain), t->name);

	if (!gain)
		return -ENOMEM;
	for (int64_t i = 0; i < t->shape[0]; i++)
		gain[i] = (float)dtype_get(t->dtype, t->data, i) + c->subtract;
	t->data = gain;
	t->dtype = DT_F32;
	t->bytes = t->shape[0] * sizeof(*gain);
	return 0;
}

static int find(void *ctx, const struct param_info *p, struct found_tensor *f)
{
	struct collect *c = ctx;
	struct hf_tensor *h = hf_weights_look_up(c->weights, p->name);
	int ret = h ? 0 : hf_sparse_find(c->src, c->weights, p, f);
	const struct st_view *v;

	if (ret)
		return ret < 0 ? ret : 0;
	if (!h)	/* st_find() names the nearest */
		return st_find(c->weights->files[0], p->name, &v);
	h->used = true;
	v = h->view;
	f->file = st_path(h->file);
	f->name = v->name;
	f->type_name = v->type_name;
	f->t = (struct source_tensor){ .name = p->name, .dtype = v->dtype, .nd = v->nd,
				       .data = v->data, .bytes = v->bytes };
	for (int d = 0; d < v->nd && d < 2; d++)
		f->t.shape[d] = v->shape[d];
	if (v->nd != p->nd || v->dtype == DT_COUNT)
		return 0;	/* refused by the caller */
	if (!is_aligned(v))
		ret = copy(c, &f->t);
	if (!ret && p->transposed)
		ret = transpose(c, &f->t);
	else if (!ret && p->kind == WEIGHT_NORM && c->subtract)
		ret = add_to_norm(c, &f->t);
	return ret;
}

/* What sees images, in models that do. */
static bool is_vision(const char *name)
{
	static const char *const parts[] = { "vision_tower.", "multi_modal_projector." };
	const char *inner = strncmp(name, "model.", 6) ? name : name + 6;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strncmp(inner, parts[i], strlen(parts[i])))
			return true;
	return false;
}

/* Buffers that old versions of transformers saved, and a head that is the embedding. */
static bool means_nothing(const struct model_source *src, const char *name)
{
	return str_has_suffix(name, ".rotary_emb.inv_freq") ||
	       str_has_suffix(name, ".attn.bias") ||
	       str_has_suffix(name, ".attn.masked_bias") ||
	       (src->spec.tied && (!strcmp(name, "lm_head.weight") ||
				   !strcmp(name, "language_model.lm_head.weight"))) ||
	       (!strcmp(src->arch, HF_GEMMA3_IMAGES) && is_vision(name));
}

int hf_collect(struct model_source *src, struct hf_weights *w, float subtract)
{
	struct collect c = { src, w, subtract };
	int ret = source_collect(src, find, &c);

	for (size_t i = 0; i < w->nr_tensors && !ret; i++) {
		const struct hf_tensor *t = &w->tensors[i];

		if (!t->used && !means_nothing(src, t->view->name))
			ret = fail(-EINVAL, "%s: the model has no use for tensor '%s'",
				   st_path(t->file), t->view->name);
	}
	return ret;
}
