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

#endif
