// SPDX-License-Identifier: MIT
/*
 * Models in GGUF files.  Documentation/formats/gguf.md.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/strbuf.h"
#include "data/tokenizer.h"
#include "formats/gguf-internal.h"
#include "nn/family.h"

#define SHOWN 4		/* items of an array */

static int find(void *ctx, const struct param_info *p, struct found_tensor *f)
{
	struct model_source *src = ctx;
	const struct gguf_tensor *t;
	char name[GGUF_NAME_MAX + 1];
	int ret = gguf_tensor_name(&src->spec, p->name, name);

	if (ret)
		return fail_in(ret, "%s", src->path);
	t = gguf_tensor_find(src->private, name);
	if (!t)
		return fail(-ENOENT, "%s: tensor '%s' is missing", src->path, name);
	f->name = t->name;
	f->type_name = gguf_ggml_name(t->ggml);
	f->t = (struct source_tensor){ .name = p->name, .dtype = t->dtype, .nd = t->nd,
				       .data = t->data, .bytes = t->bytes };
	for (int d = 0; d < t->nd && d < 2; d++)
		f->t.shape[d] = t->shape[d];
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_left_over(const struct model_source *src, const char **used)
{
	const struct gguf *g = src->private;

	qsort(used, src->nr_tensors, sizeof(*used), compare_names);
	for (size_t i = 0; i < gguf_nr_tensors(g); i++) {
		const char *name = gguf_tensor_at(g, i)->name;

		if (strcmp(name, GGUF_ROPE_FREQS) &&
		    !bsearch(&name, used, src->nr_tensors, sizeof(*used), compare_names))
			return fail(-EINVAL, "%s: the model has no use for tensor '%s'", src->path,
				    name);
	}
	return 0;
}

/* All tensors of the file but the stretched angles, which the spec has taken up, are used. */
static int check_used(const struct model_source *src)
{
	char (*names)[GGUF_NAME_MAX + 1] = calloc(src->nr_tensors + 1, sizeof(*names));
	const char **used = calloc(src->nr_tensors + 1, sizeof(*used));
	int ret = 0;

	if (!names || !used)
		ret = fail_nomem(src->nr_tensors * sizeof(*names), "names of tensors");
	for (int i = 0; i < src->nr_tensors && !ret; i++) {
		ret = gguf_tensor_name(&src->spec, src->tensors[i].name, names[i]);
		used[i] = names[i];
	}
	if (!ret)
		ret = check_left_over(src, used);
	free(used);
	free(names);
	return ret;
}

/* ---- what `knlp info` shows ------------------------------------------------------- */

static void add_item(struct strbuf *sb, const struct gguf_value *v, uint64_t i)
{
	struct gguf_string s;

	switch (v->item) {
	case GGUF_STRING:
		s = gguf_item_string(v, i);
		strbuf_add(sb, s.bytes, s.len);
		break;
	case GGUF_BOOL:
		strbuf_adds(sb, v->data[i] ? "true" : "false");
		break;
	case GGUF_F32:
	case GGUF_F64:
		strbuf_addf(sb, "%.9g", gguf_item_float(v, i));
		break;
	default:
		strbuf_addf(sb, "%lld", (long long)gguf_item_int(v, i));
	}
}

static int add_fact(struct model_source *src, const struct gguf_value *v)
{
	char *key = source_text(src, v->key.bytes, v->key.len);
	struct strbuf sb;
	int ret;

	if (!key)
		return -ENOMEM;
	strbuf_init(&sb);
	if (v->type == GGUF_ARRAY)
		strbuf_addf(&sb, "%llu %s: ", (unsigned long long)v->nr, gguf_type_name(v->item));
	for (uint64_t i = 0; i < v->nr && i < SHOWN; i++) {
		strbuf_adds(&sb, i ? ", " : "");
		add_item(&sb, v, i);
	}
	strbuf_adds(&sb, v->nr > SHOWN ? ", ..." : "");
	ret = strbuf_ok(&sb);
	if (!ret)
		ret = source_fact(src, key, "%s", sb.s);
	strbuf_free(&sb);
	return ret;
}

/* ---- opening ----------------------------------------------------------------------- */

static int read_arch(struct model_source *src, const struct gguf_arch **arch)
{
	struct gguf_string name;
	int ret = gguf_string(src->private, "general.architecture", &name);

	if (ret)
		return ret;
	*arch = gguf_arch_named(name);
	if (!*arch)
		return fail(-ENOTSUP, "%s: knlp has no models of architecture \"%.*s\"", src->path,
			    (int)(name.len < 40 ? name.len : 40), name.bytes);
	src->arch = strdup((*arch)->name);
	return src->arch ? 0 : fail_nomem(name.len, "a name");
}

static int read_template(struct model_source *src)
{
	static const char key[] = "tokenizer.chat_template";
	struct gguf_string s;
	int ret;

	if (!gguf_has(src->private, key))
		return 0;
	ret = gguf_string(src->private, key, &s);
	if (ret)
		return ret;
	if (memchr(s.bytes, '\0', s.len))
		return fail(-EINVAL, "%s: key '%s': a NUL byte", src->path, key);
	src->chat_template = strndup(s.bytes, s.len);
	return src->chat_template ? 0 : fail_nomem(s.len, "a chat template");
}

/* Files that hold no model, or a part of one: what would be missing first says little. */
static int check_whole(const struct model_source *src)
{
	const struct gguf *g = src->private;
	int64_t parts = 1;

	if (gguf_has(g, "split.count") && gguf_int(g, "split.count", 0, UINT16_MAX, &parts))
		return -EINVAL;
	if (parts > 1)
		return fail(-ENOTSUP, "%s: one of %lld parts of a model: join them with "
			    "llama-gguf-split --merge", src->path, (long long)parts);
	if (!gguf_nr_tensors(g))
		return fail(-EINVAL, "%s: no tensors: a tokenizer alone, no model", src->path);
	return 0;
}

static int gguf_model_open(struct model_source *src)
{
	const struct gguf_arch *arch;
	struct gguf *g;
	int ret = gguf_open(src->path, &g);

	if (ret)
		return ret;
	src->private = g;
	ret = check_whole(src);
	if (!ret)
		ret = read_arch(src, &arch);
	if (!ret)
		ret = gguf_spec_read(g, arch, &src->spec);
	if (!ret)
		ret = source_collect(src, find, src);
	if (!ret)
		ret = check_used(src);
	if (!ret)
		ret = read_template(src);
	if (!ret && gguf_has(g, "tokenizer.ggml.model"))
		ret = tokenizer_from_gguf(g, &src->tokenizer);
	for (size_t i = 0; i < gguf_nr_values(g) && !ret && src->describe; i++)
		ret = add_fact(src, gguf_value_at(g, i));
	return ret;
}

static void gguf_model_close(struct model_source *src)
{
	gguf_close(src->private);
}

static const struct model_format gguf;

const struct gguf *gguf_of(const struct model_source *src)
{
	return src->format == &gguf ? src->private : NULL;
}

static bool gguf_by_name(const char *path)
{
	return path_ends(path, ".gguf");
}

static const struct model_format gguf = {
	.name = "gguf",
	.summary = "a GGUF file of llama.cpp",
	.rank = 10,
	.is = gguf_is,
	.open = gguf_model_open,
	.close = gguf_model_close,
	.write = gguf_model_write,
	.by_name = gguf_by_name,
};
MODEL_FORMAT_REGISTER(gguf);
