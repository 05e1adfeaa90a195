/* SPDX-License-Identifier: MIT */
/* What the commands `knlp eval ...` have in common: options, and opening models. */
#ifndef TOOLS_EVAL_OPTIONS_H
#define TOOLS_EVAL_OPTIONS_H

#include "eval/model.h"
#include "eval/table.h"
#include "eval/text.h"
#include "tools/option.h"

/** option_table_eval - --file --limit --dump --act --device */
extern const struct option option_table_eval[];
/** option_table_vs - --vs */
extern const struct option option_table_vs[];

/** struct eval_options - what they said. */
struct eval_options {
	const char *file, *dump, *act, *device, *vs;
	int limit;
};
extern struct eval_options eval_options;

/** struct eval_setup - what a command works with. */
struct eval_setup {
	struct config *cfg;
	struct device *dev;
	struct eval_text text;
};

/**
 * eval_setup() - check the options, read --file and open the device.
 * @command: "eval ppl"
 * Return: 0; COMMAND_USAGE; -errno.  eval_setup_free() in any case.
 */
int eval_setup(const char *command, struct eval_setup *s);
void eval_setup_free(struct eval_setup *s);

/**
 * eval_measure() - open @model, let @run measure it, close it.
 * @ctx: for @run
 */
int eval_measure(const struct eval_setup *s, const char *model,
		 int (*run)(struct eval_model *em, const struct eval_text *text, void *ctx,
			    struct eval_table **t),
		 void *ctx, struct eval_table **t);

/**
 * eval_answer() - the whole command, for one model or, with --vs, two: measure, write --dump
 * and print.
 * @units: what items are called
 */
int eval_answer(const char *command, const char *model, const char *units,
		int (*run)(struct eval_model *em, const struct eval_text *text, void *ctx,
			   struct eval_table **t),
		void *ctx);

#endif
