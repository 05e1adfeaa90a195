/* SPDX-License-Identifier: MIT */
/* knlp generate --interactive: line by line, with a model that goes on from each. */
#ifndef TOOLS_GENERATE_INTERACTIVE_H
#define TOOLS_GENERATE_INTERACTIVE_H

#include "infer/generate.h"
#include "train/load.h"

#define TEMPERATURE_MAX 100	/* of --temperature and of /temperature */
#define TOP_P_MIN 1e-6		/* of --top-p and of /top-p: less leaves no token */

struct chat_template;

/**
 * struct interaction - how lines are taken.
 * @first: the first line, "" for none
 * @template: lines are messages of a chat, written like this; NULL: they are plain text
 * @system: what the model is told first, or NULL
 * @marks: plain text, too, has special tokens by their names
 * @cache: type of keys and values
 */
struct interaction {
	const char *first;
	const struct chat_template *template;
	const char *system;
	bool marks;
	enum dtype cache;
};

/**
 * generate_interactive() - read lines from stdin until its end, /quit or an interrupt.
 * @g: how to go on; emit, ctx and stop are set here
 */
int generate_interactive(struct loaded *l, struct device *dev, const struct interaction *i,
			 const struct generation *g);

#endif
