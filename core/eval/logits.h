/* SPDX-License-Identifier: MIT */
/*
 * All that a model says of given tokens, for comparing it with other programs.
 */
#ifndef EVAL_LOGITS_H
#define EVAL_LOGITS_H

#include "data/tokenizer.h"
#include "tensor/arch.h"
#include "tensor/dtype.h"

struct model;

/**
 * logits_write() - write what follows each of the tokens @ids to @path, a file of NumPy.
 * @name: the model, for messages
 * @kv: keys and values are rounded to this type; DT_F32: they are not
 *
 * The file (.npy, format 1.0) holds f32 in the shape (tokens, vocabulary), whole or not at all.
 * Return: 0; -EINVAL if there is no token, one that the model lacks, or more than its context;
 * -errno.
 */
int logits_write(const char *name, struct model *m, struct device *dev,
		 const struct token_list *ids, enum dtype kv, const char *path);

#endif
