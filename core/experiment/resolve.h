/* SPDX-License-Identifier: MIT */
/* What a plan comes to with its data. */
#ifndef EXPERIMENT_RESOLVE_H
#define EXPERIMENT_RESOLVE_H

#include "experiment/experiment.h"

struct resolved {
	char *data;			/* the folder, absolute */
	char hash[HASH_HEX];		/* of its contents */
	char *model;			/* that is given, absolute; NULL: cells are trained */
	char model_hash[HASH_HEX];	/* of its weights */
	struct config **cfgs;		/* (nr) one for each arm, without `auto` */
	int nr;
};

/**
 * experiment_resolve() - resolve the arms of @e with the data in folder @dir.
 * @model: in the place of the plan's, which it must have; NULL: the plan's
 *
 * Where a model is given, `auto` is left to the measures.
 * Return: 0; -ENOENT without data, with what makes it; -EINVAL if the resolved arms do not
 * match, if values do not fit together, if `at` needs checkpoints that are not kept, or if an arm
 * has the training of the baseline, as what it changes counts from a later step on.
 */
int experiment_resolve(const struct experiment *e, const char *dir, const char *model,
		       struct resolved *r);
void resolved_free(struct resolved *r);

#endif
