/* SPDX-License-Identifier: MIT */
/*
 * Experiments: the plan that is written before the run, and the folder of the run.
 *
 *	defconfigs/experiments/NAME/plan.yaml	hypothesis, metric, seeds, arms
 *	defconfigs/experiments/NAME/defconfig	the configuration that all arms begin with
 *	defconfigs/experiments/NAME/ARM.config	what an arm changes in it; may be missing
 *
 *	RUN/experiment.yaml			what runs: hashes of the plan's files, arms
 *	RUN/plan/				copies of the plan's files
 *	RUN/cells/ARM/seed-S/			a training run (io/run.h), unless the model is given
 *	RUN/cells/ARM/seed-S/measure/NAME.json	what the measure NAME printed, at the end
 *	RUN/cells/ARM/seed-S/measure/at-0.3/	the same at a share of the training
 *	RUN/lock				held by the process that runs it
 *
 * A cell is one arm with one seed.  Nothing is noted of its state: that follows from what is
 * on the disk.  Documentation/formats/experiment.md.
 *
 * All that is read here is read-only for the reader.
 */
#ifndef EXPERIMENT_EXPERIMENT_H
#define EXPERIMENT_EXPERIMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "base/hash.h"
#include "io/json.h"
#include "io/yaml.h"

#define EXPERIMENT_SEEDS_MIN	5	/* of a plan whose verdict counts */

/* ---- the plan --------------------------------------------------------------------- */

enum arm_role {
	ARM_BASELINE,		/* exactly one: what the others are compared with */
	ARM_PRIMARY,		/* at most one: the contrast of the hypothesis */
	ARM_OTHER,		/* "arm": compared, adjusted by Holm */
	ARM_CONTROL,		/* compared, and no part of the family of claims */
};

/** What a plan expects of an arm; a control that does otherwise warns the reader. */
enum arm_expect {
	EXPECT_NOTHING,
	EXPECT_BETTER,
	EXPECT_WORSE,
	EXPECT_SAME,		/* a difference of exactly 0 */
};

struct experiment_arm {
	char *name;
	enum arm_role role;
	enum arm_expect expect;
	char *what;			/* one line for people; "" if the plan has none */
	char *fragment;			/* path of its .config; NULL: the base configuration */
	struct config *cfg;		/* base and fragment; not resolved, no seed */
	long line;			/* in plan.yaml */
};

/** struct experiment_metric - a number of each cell. */
struct experiment_metric {
	char *name;			/* for people: "held-out loss" */
	char *from;			/* "eval.loss", or MEASURE.path.to.number */
	char *unit;			/* "" if the plan has none */
	bool lower;			/* is lower better? */
};

/** struct experiment_measure - a command of knlp that is run when a cell is trained. */
struct experiment_measure {
	char *name;
	char **argv;			/* without "knlp", with {placeholders}; NULL at the end */
	bool only_baseline;		/* "in: baseline": others read what it left there */
};

struct experiment {
	char *dir;			/* where plan.yaml lies */
	char *file;			/* DIR/plan.yaml, for messages */
	char *name;
	char *hypothesis;
	char *data;			/* folder of token shards; --data takes its place */
	char *prepare;			/* how to make them, for people; "" if not told */
	char *model;			/* what is measured where nothing is trained; --model takes
					 * its place; NULL: each cell is trained */
	struct experiment_metric metric;
	struct experiment_metric *more;	/* reported without a verdict */
	int nr_more;
	double delta;			/* smallest gain worth claiming, in the metric's unit */
	long long *seeds;
	int nr_seeds;
	char **vary;			/* parameters in which arms may differ */
	int nr_vary;
	struct experiment_arm *arms;	/* in the order of the plan */
	int nr_arms;
	int baseline;			/* index into arms */
	int primary;			/* index into arms, -1 if there is none */
	struct experiment_measure *measures;
	int nr_measures;
	double *at;			/* shares of the training, rising; the last one is 1 */
	char **at_text;			/* as the plan writes them: "0.3" */
	int nr_at;			/* at least 1 */
	char hash[HASH_HEX];		/* of all files of the plan */
};

/**
 * experiment_read() - read and check the plan in folder @dir, with the configs of its arms.
 *
 * Errors name file and line: keys that are unknown, missing or of another type; seeds or arms
 * that are there twice; fewer than EXPERIMENT_SEEDS_MIN seeds for a primary arm; other than one
 * baseline, more than one primary arm; an arm that differs from the baseline in a symbol
 * outside `vary`.
 * Return: 0; -ENOENT if there is no plan; -EINVAL; -errno.
 */
int experiment_read(const char *dir, struct experiment **out);

/**
 * experiment_parse() - the same for the text of a plan, without its configs: the arms have no
 * cfg and no fragment, and the hash is empty.
 * @file: for messages
 */
int experiment_parse(const char *file, const char *text, size_t len, struct experiment **out);
void experiment_free(struct experiment *e);

/** experiment_arm() - number of the arm called @name, or -1. */
int experiment_arm(const struct experiment *e, const char *name);
/** experiment_measure() - number of the measure called @name, or -1. */
int experiment_measure(const struct experiment *e, const char *name);

/** arm_role_name() - "baseline", "primary", "arm", "control"; arm_expect_name() likewise. */
const char *arm_role_name(enum arm_role role);
const char *arm_expect_name(enum arm_expect expect);

/* ---- the run ---------------------------------------------------------------------- */

enum cell_state {
	CELL_MISSING,		/* not begun */
	CELL_RUNNING,		/* a process works at it */
	CELL_CUT,		/* begun, and nobody goes on with it now */
	CELL_FAILED,		/* diverged, a measure failed, or its answer cannot be read:
				 * `failure` says why */
	CELL_DONE,		/* trained and measured */
};

/** cell_state_name() - "missing", "running", "cut", "failed", "done". */
const char *cell_state_name(enum cell_state state);

struct experiment_cell {
	int arm;			/* index into plan->arms */
	int seed;			/* index into plan->seeds */
	char *path;			/* of its training run; there only if it was begun */
	enum cell_state state;
	bool trained;			/* all steps are done, whatever the measures say */
	long long done, steps;		/* of the training; both 0 where the model is given */
	char *failure;			/* "" unless CELL_FAILED */
};

/** What became of the plan since the run began. */
enum plan_state {
	PLAN_SAME,
	PLAN_GONE,		/* the folder that it came from is not there: nothing to compare */
	PLAN_EDITED,		/* the files that it came from are others now */
	PLAN_ALTERED,		/* the run's own copies are others now: the results prove nothing */
};

struct experiment_run {
	char *path;
	struct experiment *plan;	/* RUN/plan */
	struct yml *manifest;		/* RUN/experiment.yaml */
	const char *source;		/* the folder that the plan came from, in the manifest */
	const char *data;		/* the folder of token shards, in the manifest */
	const char *model;		/* where it is given, in the manifest; else NULL */
	const char *version;		/* of the program, in the manifest */
	char hash[HASH_HEX];		/* of the plan's files when the run began */
	enum plan_state plan_state;
	char *edited;			/* names of the files that changed: "plan.yaml"; or "" */
	bool active;			/* does a process run it now? */
	struct experiment_cell *cells;	/* (nr_arms * nr_seeds): arm * nr_seeds + seed */
	int nr_cells;
};

/** experiment_is_run() - is @path the folder of an experiment's run? (no message) */
bool experiment_is_run(const char *path);

/**
 * experiment_run_open() - open @path for reading; it may be under way.
 *
 * Return: 0; -ENOENT if there is no such run; -EINVAL naming the file that is damaged.
 */
int experiment_run_open(const char *path, struct experiment_run **out);
void experiment_run_close(struct experiment_run *run);

/** experiment_cell() - the cell of arm number @arm with seed number @seed. */
const struct experiment_cell *experiment_cell(const struct experiment_run *run, int arm, int seed);

/**
 * cell_metric() - a number of a cell, at share number @at of the training.
 * @m: plan->metric, one of plan->more, or one's own: `from` counts
 * @at: index into plan->at; the last one, nr_at - 1, is the end
 *
 * "eval.loss" is the held-out loss of the last evaluation of the share: that of the end, or the
 * newest one that was made by then.  "NAME.a.b" is the number b in object a of the measure
 * NAME's JSON.
 * Return: 0; -ENODATA if the cell is not so far (no message); naming the file, -ENOENT if it
 * holds nothing of that name, and -EINVAL if that is no number, or one that is not finite.
 */
int cell_metric(const struct experiment_run *run, const struct experiment_cell *cell,
		const struct experiment_metric *m, int at, double *value);

/**
 * cell_measure() - the JSON that measure number @measure printed; cJSON_Delete() frees it.
 * Return: 0; -ENODATA if it was not run yet (no message); -EINVAL naming the file.
 */
int cell_measure(const struct experiment_run *run, const struct experiment_cell *cell,
		 int measure, int at, cJSON **root);

/** cell_measure_dir() - the folder of its results: PATH/measure, or below; NULL: no memory. */
char *cell_measure_dir(const struct experiment_run *run, const struct experiment_cell *cell,
		       int at);

#endif
