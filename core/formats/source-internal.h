/* SPDX-License-Identifier: MIT */
/* What the formats share. */
#ifndef FORMATS_SOURCE_INTERNAL_H
#define FORMATS_SOURCE_INTERNAL_H

#include <stdio.h>

#include "formats/source.h"
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

/** source_recognize() - the format of @path with the lowest rank; NULL: none, no message. */
const struct model_format *source_recognize(const char *path);

/** source_unknown() - -EINVAL; says what @path, of no format, belongs to, if to anything. */
int source_unknown(const char *path);

/** source_check_tokenizer() - -EINVAL if text could become tokens that the model lacks. */
int source_check_tokenizer(const struct model_source *src);

/**
 * source_written() - can the model that was just written to @path be read again?  Else it is
 * removed.
 */
int source_written(const char *path);

/** path_ends() - str_has_suffix() of a file's name, where "X.GGUF" is as good as "x.gguf". */
bool path_ends(const char *path, const char *suffix);

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
/** turned_bytes() - of the tensor in the file. */
static inline uint64_t turned_bytes(const struct turned *t)
{
	return (uint64_t)t->rows * dtype_bytes(t->to, t->cols);
}

/** turned_row() - row @r as the file is to hold it. Return: 0; -ERANGE; -EOPNOTSUPP. */
int turned_row(struct turned *t, int64_t r, const unsigned char **bytes, size_t *len);
/** turned_advance() - @len more bytes of it are written: for the progress that is shown. */
void turned_advance(struct turned *t, size_t len);
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

/** turn_holds() - can @to hold all elements of @t plus @add exactly?  Looks at all. */
bool turn_holds(const struct source_tensor *t, float add, enum dtype to);

/**
 * struct outgoing - the tensors of a source on their way into a file.
 * @turned: one for each tensor of the source
 */
struct outgoing {
	struct turned *turned;
	int nr;
	struct turn_progress progress;
};

/**
 * struct outgoing_rules - what a format wants of tensors.
 * @position: the order of rows of q and k: POS_ROPE or POS_ROPE_ADJACENT
 * @norms: is added to norms
 * @type: the type of @t in the file; @o->dtype is a plain type or DT_COUNT
 */
struct outgoing_rules {
	enum position position;
	float norms;
	enum dtype (*type)(const struct model_source *src, const struct source_tensor *t, float add,
			   const struct write_options *o);
};

/** outgoing_make() - turn all tensors of @src by @rules. Ends with outgoing_free(). */
int outgoing_make(const struct model_source *src, const struct outgoing_rules *rules,
		  const struct write_options *o, struct outgoing *out);
void outgoing_free(struct outgoing *out);
/** outgoing_begin() / _end() - show progress while the file is written. */
void outgoing_begin(struct outgoing *out);
void outgoing_end(struct outgoing *out);

/** enum spec_kind - the models that other programs know. */
enum spec_kind {
	KIND_GPT2, KIND_LLAMA, KIND_MISTRAL, KIND_QWEN2, KIND_QWEN3, KIND_GEMMA3
};

/**
 * spec_kind() - which of them @spec is.
 * @path: what is to be written, for messages
 *
 * Return: the kind; -ENOTSUP with a message that says what the others lack.
 */
int spec_kind(const char *path, const struct model_spec *spec);

/** spec_window() - the window of windowed layers; 0: there are none. All are the same. */
int spec_window(const struct model_spec *spec);

/** folder_begin() - a new folder beside @path, "PATH.tmp-PID"; NULL with a message. */
char *folder_begin(const char *path);
/** folder_put() - file @name in folder @dir. */
int folder_put(const char *dir, const char *name, const struct strbuf *text);
/** folder_end() - @tmp becomes @path, or, after error @ret, goes away. Frees @tmp. */
int folder_end(char *tmp, const char *path, int ret);

#endif
