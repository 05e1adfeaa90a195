/* SPDX-License-Identifier: MIT */
/*
 * How much the columns of a model's matrices matter: the mean square of what they are
 * multiplied with, or the mean Fisher information of their weights.
 */
#ifndef QUANT_IMPORTANCE_H
#define QUANT_IMPORTANCE_H

#include "quant/imatrix.h"
#include "tensor/arch.h"

struct calib_text;
struct fim;
struct model;

/**
 * importance_of_inputs() - sums of squares of the inputs of all linear layers but the head, as
 * llama-imatrix takes them.
 * @s: what it fills in but for the data's name: imatrix_sums_free(), also after an error
 *
 * Return: 0; -ENOTSUP if llama.cpp has no such matrix; otherwise as calibrate().
 */
int importance_of_inputs(struct model *m, struct device *dev, const struct calib_text *text,
			 struct imatrix_sums *s);

/**
 * importance_of_fim() - means of the Fisher information over the columns of all matrices, the
 * embedding and the head included.
 *
 * Searches weigh by ratios within a matrix only, and squares of 1e-12 leave little of f32: all
 * matrices are multiplied by one number, @s->scale, so that the mean over all weights is 1.
 * Return: 0; -EINVAL naming the matrix that @f lacks or has in another shape; -ENOTSUP as above;
 * -errno.
 */
int importance_of_fim(const struct model *m, const struct fim *f, struct imatrix_sums *s);

#endif
