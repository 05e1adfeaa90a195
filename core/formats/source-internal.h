/* SPDX-License-Identifier: MIT */
/* What the formats share. */
#ifndef FORMATS_SOURCE_INTERNAL_H
#define FORMATS_SOURCE_INTERNAL_H

#include <stdio.h>

#include "formats/source.h"
#include "io/json.h"
#include "nn/model.h"

/* Larger numbers in a file are not believed. */
#define SPEC_LAYERS_MAX		1024
#define SPEC_HEADS_MAX		65536
#define SPEC_WIDTH_MAX		(1 << 20)
#define SPEC_VOCAB_MAX		(1 << 24)
#define SPEC_CONTEXT_MAX	(1 << 26)

/** source_alloc() - memory that lives as long as @src; NULL with a message. */
void *source_alloc(struct model_source *src, size_t bytes, const char *what);
/** source_text() - a copy of a string that lives as long as @src; NULL with a message. */
char *source_text(struct model_source *src, const char *text, size_t len);

/** source_fact() - note something for `knlp info`. */
int source_fact(struct model_source *src, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** source_json_facts() - note the members of @object that are no objects. */
int source_json_facts(struct model_source *src, const cJSON *object);

/** spec_layers() - make room for the layers of @spec, with one @layer in all of them. */
int spec_layers(struct model_spec *spec, int layers, const struct layer_spec *layer);

/** spec_check() - do heads, widths and positions of a spec from file @path fit each other? */
int spec_check(const char *path, const struct model_spec *spec);

/**
 * struct found_tensor - what a format found for a parameter.
 * @file, @name: where it is, for messages
 * @type_name: how the file calls its type
 */
struct found_tensor {
	struct source_tensor t;
	const char *file, *name, *type_name;
};

/**
 * source_collect() - fill @src->tensors with all that @src->spec asks for.
 * @find: look up @p; its name need not be set in @found->t.  Return: 0; -errno with a message
 *
 * Shapes and types are checked here.
 */
int source_collect(struct model_source *src,
		   int (*find)(void *ctx, const struct param_info *p, struct found_tensor *found),
		   void *ctx);

/** source_no_tokenizer() - -EINVAL if the tokenizer of @src has more tokens than the model. */
int source_check_tokenizer(const struct model_source *src);

/** str_has_suffix() - does @s end with @suffix? */
bool str_has_suffix(const char *s, const char *suffix);

/** file_in() - is there anything called @name in folder @dir? */
bool file_in(const char *dir, const char *name);

/**
 * struct rotary - the rows that rotary positions pair, where formats differ in their order.
 * @heads: 0: this tensor has none
 */
struct rotary {
	int heads, head_dim;
};

/** rotary_of() - those of the tensor called @name in @spec. */
struct rotary rotary_of(const struct model_spec *spec, const char *name);

/**
 * struct turned - a tensor as another file is to hold it.
 * @from: the tensor
 * @to: its type there
 * @rotary: rows change their order, from pairs to halves or back (@to_adjacent)
 * @add: to every element
 * @row: memory for one row, both as floats and as in the file
 */
struct turned {
	const struct source_tensor *from;
	enum dtype to;
	struct rotary rotary;
	bool to_adjacent;
	float add;
	int64_t rows, cols;
	float *floats;
	unsigned char *row;
	int64_t row_at;
	struct turn_progress *progress;
};

/** struct turn_progress - bytes written of all tensors. */
struct turn_progress {
	bool owned;
	uint64_t done;
};

/** turned_init() - set the rest of @t, after @from, @to, @rotary and @add. */
int turned_init(struct turned *t);
void turned_free(struct turned *t);
/** turned_row() - row @r as the file is to hold it. Return: 0; -ERANGE; -EOPNOTSUPP. */
int turned_row(struct turned *t, int64_t r, const unsigned char **bytes, size_t *len);
/** turned_fetch() - for struct tensor_entry; @ctx is a struct turned. */
int turned_fetch(void *ctx, size_t offset, size_t len, void *buf);
/** turned_write() - all of it into @f; @ctx is a struct turned. */
int turned_write(void *ctx, FILE *f);

/** turn_is_needed() - would rows of q and k have to move for a format whose order is @want? */
static inline bool turn_is_needed(const struct model_spec *s, enum position want)
{
	return s->position != want &&
	       (s->position == POS_ROPE || s->position == POS_ROPE_ADJACENT);
}

/** turn_holds() - can @to hold all elements of @t exactly?  Looks at all of them. */
bool turn_holds(const struct source_tensor *t, enum dtype to);

/** turn_transpose() - @from, which is (cols, rows), as (rows, cols). */
void turn_transpose(size_t size, int64_t rows, int64_t cols, const void *from, void *to);

#endif
