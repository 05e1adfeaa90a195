// SPDX-License-Identifier: MIT
#include "formats/source.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/registry.h"
#include "base/strbuf.h"
#include "data/tokenizer.h"
#include "formats/source-internal.h"

static const struct registry *formats(void)
{
	static struct registry r;

	if (!r.sorted) {
		r = (struct registry)REGISTRY_INIT("model format", knlp_model_formats);
		BUG_ON(registry_sort(&r, 1));
	}
	return &r;
}

static int fail_listing(const char *name, const char *what)
{
	const struct model_format *f;
	struct strbuf sb;
	int ret;

	strbuf_init(&sb);
	registry_for_each(formats(), f)
		strbuf_addf(&sb, "%s%s", sb.len ? ", " : "", f->name);
	ret = fail(-EINVAL, "%s: %s: the formats are %s", name, what, sb.s);
	strbuf_free(&sb);
	return ret;
}

const struct model_format *model_format_find(const char *name)
{
	const struct model_format *f = registry_find(formats(), name);

	if (!f)
		fail_listing(name, "no such format");
	return f;
}

const struct model_format *source_recognize(const char *path)
{
	const struct model_format *f, *best = NULL;

	registry_for_each(formats(), f)
		if ((!best || f->rank < best->rank) && f->is(path))
			best = f;
	return best;
}

/* ---- memory ----------------------------------------------------------------------- */

struct source_memory {
	struct source_memory *next;
	_Alignas(64) unsigned char bytes[];
};

void *source_alloc(struct model_source *src, size_t bytes, const char *what)
{
	struct source_memory *m;

	if (posix_memalign((void **)&m, 64, sizeof(*m) + bytes)) {
		fail_nomem(bytes, what);
		return NULL;
	}
	m->next = src->memory;
	src->memory = m;
	return m->bytes;
}

char *source_text(struct model_source *src, const char *text, size_t len)
{
	char *copy = source_alloc(src, len + 1, "a text");

	if (!copy)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

int source_fact(struct model_source *src, const char *key, const char *fmt, ...)
{
	struct source_fact *facts = realloc(src->facts, (src->nr_facts + 1) * sizeof(*facts));
	struct strbuf sb;
	va_list ap;

	if (!facts)
		return fail_nomem(src->nr_facts * sizeof(*facts), "the facts of a model");
	src->facts = facts;
	strbuf_init(&sb);
	va_start(ap, fmt);
	strbuf_vaddf(&sb, fmt, ap);
	va_end(ap);
	facts[src->nr_facts].key = source_text(src, key, strlen(key));
	facts[src->nr_facts].value = source_text(src, sb.s, sb.len);
	strbuf_free(&sb);
	if (!facts[src->nr_facts].key || !facts[src->nr_facts].value)
		return -ENOMEM;
	src->nr_facts++;
	return 0;
}

/* ---- opening ---------------------------------------------------------------------- */

/*
 * Gemma 3's tokenizer has a mark for images that its text models have no row for.  No text
 * becomes such a token.
 */
int source_check_tokenizer(const struct model_source *src)
{
	uint32_t tokens = src->tokenizer ? tokenizer_vocab(src->tokenizer) : 0;

	for (uint32_t id = (uint32_t)src->spec.vocab; id < tokens; id++)
		if (!tokenizer_is_special(src->tokenizer, id))
			return fail(-EINVAL, "%s: the tokenizer has %u tokens, the model's "
				    "vocabulary %d", src->path, tokens, src->spec.vocab);
	return 0;
}

/* Matrices that the file holds sparse, with all their zeros. */
static int make_dense(struct model_source *src)
{
	for (int i = 0; i < src->nr_tensors; i++) {
		struct source_tensor *t = &src->tensors[i];
		size_t row = dtype_bytes(t->dtype, t->shape[1]);
		char *dense;

		if (!t->sparse)
			continue;
		t->bytes = t->shape[0] * row;
		dense = source_alloc(src, t->bytes, t->name);
		if (!dense)
			return -ENOMEM;
		for (int64_t r = 0; r < t->shape[0]; r++)
			sparse_expand(t->sparse, r, dense + r * row);
		t->data = dense;
		t->sparse = NULL;
	}
	return 0;
}

enum open_how { OPEN_DENSE, OPEN_STORED, OPEN_DESCRIBE };

static int open_as(const struct model_format *f, const char *path, enum open_how how,
		   struct model_source **out)
{
	struct model_source *src = calloc(1, sizeof(*src));
	int ret;

	if (!src)
		return fail_nomem(sizeof(*src), path);
	src->format = f;
	src->describe = how == OPEN_DESCRIBE;
	src->path = strdup(path);
	ret = src->path ? f->open(src) : fail_nomem(strlen(path), path);
	if (!ret)
		ret = source_check_tokenizer(src);
	if (!ret && how == OPEN_DENSE)
		ret = make_dense(src);
	if (ret)
		source_close(src);
	else
		*out = src;
	return ret;
}

static int open_any(const char *path, enum open_how how, struct model_source **src)
{
	const struct model_format *f;

	*src = NULL;
	if (!file_exists(path))
		return fail(-ENOENT, "%s: no such file or folder", path);
	if (access(path, R_OK))
		return fail_errno("%s", path);
	f = source_recognize(path);
	return f ? open_as(f, path, how, src) : source_unknown(path);
}

int source_open(const char *path, struct model_source **src)
{
	return open_any(path, OPEN_DENSE, src);
}

int source_open_stored(const char *path, struct model_source **src)
{
	return open_any(path, OPEN_STORED, src);
}

int source_describe(const char *path, struct model_source **src)
{
	return open_any(path, OPEN_DESCRIBE, src);
}

void source_close(struct model_source *src)
{
	struct source_memory *next;

	if (!src)
		return;
	if (src->format->close)
		src->format->close(src);
	for (struct source_memory *m = src->memory; m; m = next) {
		next = m->next;
		free(m);
	}
	tokenizer_free(src->tokenizer);
	spec_free(&src->spec);
	free(src->chat_template);
	free(src->tensors);
	free(src->facts);
	free(src->arch);
	free(src->path);
	free(src);
}

const struct source_tensor *source_find(const struct model_source *src, const char *name)
{
	for (int i = 0; i < src->nr_tensors; i++)
		if (!strcmp(src->tensors[i].name, name))
			return &src->tensors[i];
	return NULL;
}

/* ---- writing ---------------------------------------------------------------------- */

static const struct model_format *format_by_name(const char *path)
{
	const struct model_format *f, *best = NULL;

	registry_for_each(formats(), f)
		if (f->by_name && (!best || f->rank < best->rank) && f->by_name(path))
			best = f;
	return best;
}

int source_written(const char *path)
{
	struct model_source *src;
	int ret = source_describe(path, &src);
	char *message;

	if (!ret) {
		source_close(src);
		return 0;
	}
	message = strdup(fail_message());
	dir_remove_tree(path);
	fail(ret, "what was written could not be read again, and is removed: %s",
	     message ? message : "out of memory");
	free(message);
	return ret;
}

int write_sparse_from_name(const char *name)
{
	static const char *const names[] = {
		[WRITE_SMALLEST] = "auto", [WRITE_MASK] = "mask", [WRITE_2_4] = "2:4",
	};

	for (int i = WRITE_SMALLEST; i <= WRITE_2_4; i++)
		if (!strcmp(name, names[i]))
			return i;
	return -EINVAL;
}

int source_write(const struct model_source *src, const char *path, const char *format,
		 const struct write_options *o)
{
	const struct model_format *f = format ? model_format_find(format) : format_by_name(path);
	int ret;

	if (!f)
		return format ? -EINVAL : fail_listing(path, "which format is it to be");
	if (!f->write)
		return fail(-EINVAL, "%s: knlp does not write format %s", path, f->name);
	if (o->sparse && strcmp(f->name, "hf"))
		return fail(-EINVAL, "%s: format %s has no sparse matrices, hf has", path, f->name);
	if (file_exists(path))
		return fail(-EEXIST, "%s: exists already", path);
	ret = f->write(src, path, o);
	return ret ? ret : source_written(path);
}
