/* SPDX-License-Identifier: MIT */
/* Where experiments are. */
#ifndef EXPERIMENT_FIND_H
#define EXPERIMENT_FIND_H

#include "base/strbuf.h"

/**
 * experiment_find() - the folder of the experiment called @name, or the folder @name itself.
 * @dir: free it
 *
 * A name is looked for in defconfigs/experiments of the current folder, then beside the program,
 * then where `make install` puts it.  Return: 0; -ENOENT with a message that lists what there is.
 */
int experiment_find(const char *name, char **dir);

/** experiment_names() - append the names of those that a name can find, with commas between. */
void experiment_names(struct strbuf *sb);

#endif
