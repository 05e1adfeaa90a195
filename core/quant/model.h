/* SPDX-License-Identifier: MIT */
/* A GGUF file with its matrices in other types. */
#ifndef QUANT_MODEL_H
#define QUANT_MODEL_H

#include "quant/imatrix.h"
#include "quant/mix.h"

/** quant_bytes() - of the tensor in the type that it gets. */
int64_t quant_bytes(const struct quant_choice *c);

/**
 * quant_check() - can the tensors be made from those that there are?
 *
 * Return: 0; -EINVAL with a message: a tensor in blocks would get other blocks, and
 * @requantize is false.
 */
int quant_check(const struct gguf *g, const struct quant_choice *choices, bool requantize);

/**
 * quant_model_write() - @g to @path with the types of @choices; whole or not at all.
 * @im: importance of the columns, or NULL; @im_path: what it is called in the file's keys
 *
 * Streamed: in memory are 16 MiB of weights and their blocks.  The bytes do not depend on
 * the number of threads.  Return: 0; -EINVAL for weights that are not finite, -ERANGE for those
 * too large for a type, -errno.
 */
int quant_model_write(const struct gguf *g, const struct quant_request *q,
		      const struct quant_choice *choices, const struct imatrix *im,
		      const char *im_path, const char *path);

#endif
