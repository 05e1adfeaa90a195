/* SPDX-License-Identifier: MIT */
/* Options that all commands share which use a model. */
#ifndef TOOLS_INFER_OPTIONS_H
#define TOOLS_INFER_OPTIONS_H

#include "tensor/dtype.h"
#include "tools/option.h"

struct model;

extern const struct option option_table_infer[];

extern struct infer_options {
	const char *device, *act, *kv;
} infer_options;

/**
 * infer_options_apply() - tell @m how to round activations, and the caller of which type keys
 * and values are to be.
 * Return: 0; -EINVAL naming the option
 */
int infer_options_apply(struct model *m, enum dtype *cache);

#endif
