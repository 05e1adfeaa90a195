/* SPDX-License-Identifier: MIT */
/*
 * Files of Fisher information.
 *
 * A FIM file is a safetensors file with the names and shapes of a model's tensors; what
 * there is of a tensor are its parts: the diagonal itself, called as the tensor, sums over
 * its rows and columns, factors, figures of attention heads.  The metadata say how it was
 * estimated.  All values are in nats^2 per token.  Documentation/formats/fim.md.
 *
 * Pruning, quantization and tiering read these files; fim_open() is all that they need.
 */
#ifndef FIM_FIM_H
#define FIM_FIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct st;
struct st_view;
struct tensor_entry;

#define FIM_VERSION "1"
#define FIM_SCALE "nats^2 per token"

/**
 * enum fim_part - what a file may hold of a tensor of (rows, columns).
 *
 * The first six belong to diagonals, the next two to K-FAC, whose tensors are (out, in), the
 * others to attention, whose tensors are layers of so many heads.
 */
enum fim_part {
	FIM_DIAGONAL,		/* (rows, columns), or (n): NAME itself */
	FIM_ROW,		/* (rows): summed over columns */
	FIM_COLUMN,		/* (columns): summed over rows */
	FIM_SUM,		/* (): of all elements */
	FIM_HALF,		/* like the diagonal: of the first half of the sample */
	FIM_SHRINK,		/* (): how far elements were moved to their mean, 0..1 */
	FIM_FACTOR_A,		/* (in, in): E[a a^T] of a layer's inputs */
	FIM_FACTOR_G,		/* (out, out): E[d d^T] of the gradients of its outputs */
	FIM_TRACE,		/* (heads): of the Fisher information of attention rows */
	FIM_LARGEST,		/* (heads): its largest eigenvalue */
	FIM_RANK,		/* (heads): its effective rank */
	FIM_ENTROPY,		/* (heads): of the rows, nats */
	FIM_PARTS
};

/** fim_suffix() - what is put behind a tensor's name: "", ".row" ... */
const char *fim_suffix(enum fim_part part);

/** FIM_NUMBER_MOST - of a count in a file: a double holds it, sums of some do not overflow. */
#define FIM_NUMBER_MOST (1LL << 53)

/**
 * struct fim_facts - how an estimate was made; all texts are owned.
 * @unit: "batch", "sequence", "token", "position", "adam", "kfac", "attention"
 * @labels: "observed", "sampled"; "none" where there are none (attention)
 * @model: checksum of the weights
 * @data: hash of the token shards; "" if it is not known
 * @samples: which samples of the data's order, "0-127"; "" if it is not known
 * @sequences, @positions, @draws: what was asked for; @positions per sequence, token only
 * @batch: sequences whose gradients were averaged before the square; 1 for all but batch, adam
 * @context: tokens of a sequence
 * @squares: independent squares that an element is the mean of
 * @tokens: what the estimate weighs when files are merged
 * @step: of the checkpoint, adam only
 */
struct fim_facts {
	char *unit, *labels;
	char *model, *data, *samples;
	int64_t sequences, positions, draws, batch, context, squares, tokens, step;
	int64_t seed;
};

/**
 * fim_samples_common() - the first sample that two lists such as "0-63,128-191" both have.
 * Return: its number, or -1.
 */
int64_t fim_samples_common(const char *a, const char *b);

/** fim_facts_copy() - with texts of its own. */
int fim_facts_copy(const struct fim_facts *from, struct fim_facts *to);
void fim_facts_free(struct fim_facts *f);

/**
 * struct fim_item - a tensor of a file.
 * @part: NULL where the file has no such part; values are f32, in the mapped file
 */
struct fim_item {
	char *name;
	int nd;
	int64_t n[2];		/* as in the file; n[1] is 1 for vectors */
	const struct st_view *part[FIM_PARTS];
};

/** struct fim - an open file. Read-only. */
struct fim {
	char *path;
	struct st *st;
	struct fim_facts facts;
	struct fim_item *item;	/* in the order of the model */
	const struct fim_item **by_name;	/* the same, sorted */
	int nr;
};

/**
 * fim_open() - map a file and check header and metadata.
 *
 * Values are not looked at: fim_read() does that.
 * Return: 0; -EINVAL naming what is missing, unknown or of another shape; -errno.
 */
int fim_open(const char *path, struct fim **f);
void fim_close(struct fim *f);

/** fim_find() - the tensor called @name, or NULL. */
const struct fim_item *fim_find(const struct fim *f, const char *name);

/** fim_count() - elements of @part of @item. */
int64_t fim_count(const struct fim_item *item, enum fim_part part);

/** fim_value() - element @i of a part that the file has. */
float fim_value(const struct fim_item *item, enum fim_part part, int64_t i);

/**
 * fim_read() - a whole part as floats, the first of @count at @to.
 * Return: 0; -EINVAL naming the tensor and the element that is NaN, infinite or below 0.
 */
int fim_read(const struct fim *f, const struct fim_item *item, enum fim_part part, float *to);

/**
 * fim_check_out() - may a FIM file be written to @path?
 *
 * What is there already must be a FIM file, or empty: a model's weights are no less of a file.
 * Return: 0; -EEXIST; -EINVAL for a device or a pipe; -errno if the folder cannot be written to.
 */
int fim_check_out(const char *path);

/** fim_kind() - "diagonal", "kfac" or "attention". */
const char *fim_kind(const struct fim_facts *f);

/* ---- writing ------------------------------------------------------------------------ */

/** struct fim_tensor - a tensor of an estimate, in memory; see struct tensor_entry. */
struct fim_tensor {
	const char *name;
	int nd;
	int64_t n[2];		/* n[1] is 1 for vectors */
	bool transposed;
};

/**
 * struct fim_values - where a diagonal comes from.
 * @fetch: elements [@at, @at + @nr) of tensor @tensor; @half: of the first half
 * @has_half: can @fetch do that?
 */
struct fim_values {
	const struct fim_tensor *tensor;
	int nr;
	bool has_half;
	int (*fetch)(void *ctx, int tensor, bool half, int64_t at, int64_t nr, float *to);
	void *ctx;
};

/** FIM_SHRINK_NONE, FIM_SHRINK_AUTO - for struct fim_output; else a number in [0, 1]. */
#define FIM_SHRINK_NONE (-1.0)
#define FIM_SHRINK_AUTO (-2.0)

/**
 * struct fim_output - what to write where.
 * @parts: bit mask, 1 << FIM_DIAGONAL ...
 * @shrink: each element becomes (1 - s) F + s mean(F), with the mean of its tensor.  auto
 *	takes s = min(1, noise / variance) for each tensor, where the variance is that of the
 *	elements and the noise mean((F_1 - F_2)^2) / 4 of the two halves' estimates: the
 *	share of the variance that is error (after Ledoit and Wolf 2004)
 */
struct fim_output {
	const char *path;
	unsigned int parts;
	double shrink;
};

/**
 * fim_write_diagonal() - write a diagonal, all or nothing.
 * @total: NULL, or the sum over all tensors
 *
 * Return: 0; -EDOM naming the tensor that has a NaN, an infinity or a value below 0; -errno.
 */
int fim_write_diagonal(const struct fim_values *v, const struct fim_facts *f,
		       const struct fim_output *o, double *total);

/**
 * fim_write_parts() - write other parts, all or nothing.
 * @tensor: (@nr) their tensors
 * @entries: what is in the file, called NAME and the suffix of the part
 */
int fim_write_parts(const char *path, const struct fim_facts *f, const struct fim_tensor *tensor,
		    int nr, const struct tensor_entry *entries, int nr_entries);

#endif
