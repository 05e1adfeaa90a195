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
 * infer_options_check() - is what was asked for among what there is?
 * Return: 0; COMMAND_USAGE naming the option
 */
int infer_options_check(void);

/**
 * infer_options_apply() - tell @m how to round activations.
 * Return: of which type keys and values are to be
 */
enum dtype infer_options_apply(struct model *m);

#endif
