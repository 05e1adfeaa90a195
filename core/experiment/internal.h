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

/** measures_know_arm() - does a measure get the name of the arm, by which arms may differ? */
bool measures_know_arm(const struct experiment *e);

/** plan_name_ok() - may it name an experiment, an arm, a measure, hence a folder? */
bool plan_name_ok(const char *name);

/* ---- the folder of a run ---- */

#define EXPERIMENT_FORMAT 1
#define EXPERIMENT_MANIFEST "experiment.yaml"

/** struct experiment_facts - what a run began with, for its manifest. */
struct experiment_facts {
	const char *version;		/* of the program */
	const char *source;		/* the folder that the plan came from */
	const char *data, *data_hash;
	const char *model, *model_hash;	/* that is given; NULL: cells are trained */
	struct config *const *cfgs;	/* (nr_arms) resolved */
};

/** experiment_manifest_write() - write RUN/experiment.yaml, with which the run has begun. */
int experiment_manifest_write(const char *run, const struct experiment *e,
			      const struct plan_files *files,
			      const struct experiment_facts *facts);

/** run_check_data() - are the data with @hash, in folder @dir, those that @run began with? */
int run_check_data(const struct experiment_run *run, const char *hash, const char *dir);

/** run_check_model() - the same of a given model; of an experiment without one, nothing. */
int run_check_model(const struct experiment_run *run, const char *hash, const char *path);

/** cell_path() - RUN/cells/ARM/seed-S@ending; NULL: no memory. */
char *cell_path(const char *run, const struct experiment *e, int arm, int seed,
		const char *ending);

/** cell_update() - find out from the disk what the state of @cell is. */
int cell_update(const struct experiment_run *run, struct experiment_cell *cell);

/** arm_file() - RUN/arms/ARM.config: the resolved configuration; NULL: no memory. */
char *arm_file(const char *run, const struct experiment *e, int arm);

/**
 * arm_config_read() - the configuration in it, with this binary's local parameters.
 * Return: 0; -EINVAL if its hash is not what the manifest says: it was changed; -errno.
 */
int arm_config_read(const struct experiment_run *run, int arm, struct config **cfg);

/**
 * cell_config_check() - does the training of @cell have the configuration of its arm and seed?
 * Return: 0; -EINVAL naming what differs; -errno: the files cannot be read.
 */
int cell_config_check(const struct experiment_run *run, const struct experiment_cell *cell);

/** log_last_step() - the newest step in the log of the training in @path; 0: none, yet. */
long long log_last_step(const char *path);

/** share_step() - the step of @steps that share number @at of a training ends with. */
long long share_step(const struct experiment *e, int at, long long steps);

/** cell_step() - the step that share number @at of the cell's training ends with. */
long long cell_step(const struct experiment_run *run, const struct experiment_cell *cell, int at);

/** cell_checkpoint() - the folder of its checkpoint at @step, there or not; NULL: no memory. */
char *cell_checkpoint(const struct experiment_cell *cell, long long step);

/** cell_measure_file() - DIR/NAME@ending of a measure; NULL: no memory. */
char *cell_measure_file(const struct experiment_run *run, const struct experiment_cell *cell,
			int measure, int at, const char *ending);

/** cell_has_measure() - is measure number @measure one of this cell? */
bool cell_has_measure(const struct experiment_run *run, const struct experiment_cell *cell,
		      int measure);

/**
 * cell_check_measures() - can all that the measures of @cell left be read, by now?
 * @measure, @at: which one cannot; -1: none, it is the log
 *
 * Where all is measured, the number that decides must be there, too.
 * Return: 0; -errno naming the file.
 */
int cell_check_measures(const struct experiment_run *run, const struct experiment_cell *cell,
			int *measure, int *at);

/** cell_forget_damage() - remove what cannot be read, so that it is measured again. */
int cell_forget_damage(const struct experiment_run *run, const struct experiment_cell *cell);

/** cell_is_measured() - is it, and is its answer there, at share number @at? */
bool cell_is_measured(const struct experiment_run *run, const struct experiment_cell *cell,
		      int measure, int at);

#endif
