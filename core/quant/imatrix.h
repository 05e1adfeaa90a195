/* SPDX-License-Identifier: MIT */
/*
 * Importance matrices: for each tensor the mean square of what each column is multiplied
 * with, in the GGUF files of llama-imatrix (NAME.in_sum2 and NAME.counts).
 */
#ifndef QUANT_IMATRIX_H
#define QUANT_IMATRIX_H

#include <stdint.h>

#include "io/gguf.h"

struct imatrix;
struct model_spec;

/**
 * imatrix_open() - read @path, for the tensors of @model.
 *
 * Return: 0; -EINVAL with one line: no importance matrix, or one of another model (a tensor that
 * @model lacks, or whose rows have another length), sums that are negative or not finite.
 */
int imatrix_open(const char *path, const struct gguf *model, struct imatrix **im);
void imatrix_close(struct imatrix *im);

/** imatrix_find() - importance of the columns of tensor @name; NULL: not in the file. */
const float *imatrix_find(const struct imatrix *im, const char *name);

/** imatrix_nr() - tensors in the file. */
int imatrix_nr(const struct imatrix *im);
/** imatrix_file() - the open file, for its keys. */
const struct gguf *imatrix_file(const struct imatrix *im);

/* ---- writing ------------------------------------------------------------------------ */

/**
 * IMATRIX_FLOOR - of the mean of a matrix's columns: no column that is written has less.
 *
 * Where all columns of a group of weights have importance 0 any scale is as good as another, and
 * searches take 0: the weights are lost.  Columns of trained models go down to 5e-7 of the mean and
 * stay what they are.
 */
#define IMATRIX_FLOOR 1e-9

/**
 * struct imatrix_sum - what is written of a matrix.
 * @name: as llama.cpp calls it
 * @sum: (@row) of squares, over all tokens
 */
struct imatrix_sum {
	char name[GGUF_NAME_MAX + 1];
	int64_t row;
	double *sum;
};

/**
 * struct imatrix_sums - a file to be.
 * @count: tokens that the sums are over, at least 1
 * @chunks, @chunk: sequences and tokens of each
 * @dataset: what was read
 * @scale: the sums were multiplied by this, for what has another unit than activations; 0:
 *	they were not, and the file says nothing of it
 */
struct imatrix_sums {
	struct imatrix_sum *of;
	int nr;
	int64_t count, chunks, chunk;
	const char *dataset;
	double scale;
};

/** imatrix_sums_init() - room for @most matrices. Return: 0 or -ENOMEM. */
int imatrix_sums_init(struct imatrix_sums *s, int most);

/**
 * imatrix_sums_add() - the matrix @name of a model, rows of @row: sums of 0.
 * Return: 0; -ENOTSUP if llama.cpp has no such matrix; -ENOMEM.
 */
int imatrix_sums_add(struct imatrix_sums *s, const struct model_spec *spec, const char *name,
		     int64_t row);

/**
 * imatrix_floor() - raise sums to IMATRIX_FLOOR; those that are all 0 become @count.
 * Return: how many columns were raised.
 */
int64_t imatrix_floor(struct imatrix_sum *s, int64_t count);

/**
 * imatrix_write() - the file that llama-imatrix would make, whole or not at all.
 * Entries are sorted by name.
 * Return: 0; -EDOM naming the matrix and column whose sum is no number or below 0; -errno.
 */
int imatrix_write(struct imatrix_sums *s, const char *path);

/** imatrix_sums_free() - what is in @s. */
void imatrix_sums_free(struct imatrix_sums *s);

#endif
