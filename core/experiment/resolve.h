/* SPDX-License-Identifier: MIT */
/* What a plan comes to with its data. */
#ifndef EXPERIMENT_RESOLVE_H
#define EXPERIMENT_RESOLVE_H

#include "experiment/experiment.h"

struct resolved {
	char *data;			/* the folder, absolute */
	char hash[HASH_HEX];		/* of its contents */
	struct config **cfgs;		/* (nr) one for each arm, without `auto` */
	int nr;
};

/**
 * experiment_resolve() - resolve the arms of @e with the data in folder @dir.
 *
 * Return: 0; -ENOENT without data, with what makes it; -EINVAL if the resolved arms do not
 * match, if values do not fit together, if `at` needs checkpoints that are not kept, or if an arm
 * has the training of the baseline, as what it changes counts from a later step on.
 */
int experiment_resolve(const struct experiment *e, const char *dir, struct resolved *r);
void resolved_free(struct resolved *r);

#endif
