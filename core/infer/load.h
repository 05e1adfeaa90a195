/* SPDX-License-Identifier: MIT */
/*
 * From tensors in a file to a model: for use, in the types that the file has and, where
 * kernels can read it, in its own memory; for training, as the floats of the segments.
 */
#ifndef INFER_LOAD_H
#define INFER_LOAD_H

#include "tensor/arch.h"

struct model;
struct model_source;

/**
 * model_from_source() - a model that is only used.
 * @src: must stay open as long as the model is used
 *
 * Matrices stay what they are in the file, sparse ones sparse; vectors become f32.  Nothing
 * looks at the weights, so that it takes no time.
 * Return: 0; -EINVAL naming the tensor that is missing or has another shape; -errno.
 */
int model_from_source(const struct model_source *src, struct device *dev, struct model **m);

/**
 * model_fill() - the weights of @src, widened to floats, into a model with segments.
 * Return: 0; -EINVAL naming the tensor that is missing or has another shape; -errno.
 */
int model_fill(struct model *m, const struct model_source *src);

#endif
