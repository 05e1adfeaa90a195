/* SPDX-License-Identifier: MIT */
/* What the files of core/experiment share. */
#ifndef EXPERIMENT_INTERNAL_H
#define EXPERIMENT_INTERNAL_H

#include "experiment/experiment.h"

#define PLAN_FILE	"plan.yaml"
#define BASE_FILE	"defconfig"
#define FRAGMENT_ENDING	".config"
#define EXPERIMENT_NAME_MAX 64

/** struct plan_file - one of the files that a plan consists of. */
struct plan_file {
	char *name;
	char hash[HASH_HEX];
};

struct plan_files {
	struct plan_file *file;		/* sorted by name */
	int nr;
};

/**
 * plan_files_read() - the plan's files in folder @dir: plan.yaml, defconfig and *.config.
 * Return: 0; -ENOENT if one of the first two is missing; -errno.
 */
int plan_files_read(const char *dir, struct plan_files *files);
void plan_files_free(struct plan_files *files);
/** plan_files_hash() - one hash of all of them, names included. */
int plan_files_hash(const struct plan_files *files, char hex[HASH_HEX]);

/** plan_configs() - read the base configuration and the fragments into the arms of @e. */
int plan_configs(struct experiment *e, const struct plan_files *files);

/** plan_name_ok() - may it name an experiment, an arm, a measure, hence a folder? */
bool plan_name_ok(const char *name);

#endif
