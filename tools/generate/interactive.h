/* SPDX-License-Identifier: MIT */
/* knlp generate --interactive: line by line, with a model that goes on from each. */
#ifndef TOOLS_GENERATE_INTERACTIVE_H
#define TOOLS_GENERATE_INTERACTIVE_H

#include "infer/generate.h"
#include "train/load.h"

#define TEMPERATURE_MAX 100	/* of --temperature and of /temperature */

/**
 * generate_interactive() - read lines from stdin until its end, /quit or an interrupt.
 * @first: the first line, "" for none
 * @g: how to go on; emit, ctx and stop are set here
 */
int generate_interactive(struct loaded *l, struct device *dev, const char *first,
			 const struct generation *g);

#endif
