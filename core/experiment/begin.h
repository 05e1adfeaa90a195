/* SPDX-License-Identifier: MIT */
/* The folder of a run, made or gone on with. */
#ifndef EXPERIMENT_BEGIN_H
#define EXPERIMENT_BEGIN_H

#include "experiment/experiment.h"

/**
 * experiment_begin() - make the folder @path for a run of @e: plan, configurations, manifest.
 * @data: folder of token shards; NULL: the plan's; @model likewise
 * @lock: that of the folder; close it to give it back
 *
 * The arms are resolved, with what `auto` stands for, and must match.
 * Return: 0; -EEXIST if something is there; -EBUSY; -ENOENT without data; -EINVAL.
 */
int experiment_begin(const struct experiment *e, const char *data, const char *model,
		     const char *path, int *lock);

/**
 * experiment_go_on() - check that the run in @path may go on, and take its lock.
 * @e: the plan that the user named; NULL: whatever it is a run of
 *
 * Return: 0; -EINVAL if the plan was edited (the message names the files), if the data or the
 * model are others, or if this version resolves the arms otherwise; -ENOENT; -EBUSY.
 */
int experiment_go_on(const struct experiment *e, const char *data, const char *model,
		     const char *path, int *lock);

#endif
