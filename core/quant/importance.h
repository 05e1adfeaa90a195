/* SPDX-License-Identifier: MIT */
/*
 * How much the columns of a model's matrices matter: the mean square of what they are
 * multiplied with, or the mean Fisher information of their weights.
 */
#ifndef QUANT_IMPORTANCE_H
#define QUANT_IMPORTANCE_H

#include "quant/imatrix.h"
#include "tensor/arch.h"

struct fim;
struct model;

/**
 * struct importance_text - sequences to read.
 * @nr: how many, of @length tokens each
 * @read: the tokens of sequence @i, (@length); 0 or -errno with a message
 */
struct importance_text {
	int64_t nr;
	int length;
	int (*read)(void *ctx, int64_t i, int32_t *tokens);
	void *ctx;
};

/**
 * importance_of_inputs() - sums of squares of the inputs of all linear layers but the head, as
 * llama-imatrix takes them.
 * @s: what it fills in but for the data's name: imatrix_sums_free(), also after an error
 *
 * The sums of a sequence are of f32, those over sequences of f64; their bits do not depend on the
 * number of threads.  In memory are the weights and one sequence's activations.
 * Return: 0; -EINVAL for a token beyond the vocabulary; -ENOTSUP if llama.cpp has no such matrix;
 * -EDOM naming a matrix whose inputs are not finite; -errno.
 */
int importance_of_inputs(struct model *m, struct device *dev, const struct importance_text *text,
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
