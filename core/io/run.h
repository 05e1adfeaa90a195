/* SPDX-License-Identifier: MIT */
/*
 * Run folders: everything that a training run leaves behind.
 *
 *	RUN/config		the full resolved configuration
 *	RUN/manifest.yaml	what ran, on what; written last: with it the run has begun
 *	RUN/metrics.jsonl	metrics.h
 *	RUN/checkpoints/	checkpoint.h
 *	RUN/lock		held by the process that trains
 *	RUN/beginning		until the manifest is there: what lies here is copied from
 *				elsewhere, and the next attempt may remove it
 *
 * Documentation/formats/run.md.
 */
#ifndef IO_RUN_H
#define IO_RUN_H

#include <stdbool.h>

#include "base/config.h"
#include "io/metrics.h"
#include "io/yaml.h"

/** struct run_facts - what the caller knows of this run, for the manifest. */
struct run_facts {
	const char *version;		/* of the program */
	const char *const *kernels;	/* "gelu cpu/avx2" in a fixed order, NULL at the end */
	const char *const *libraries;	/* "openblas 0.3.21", NULL at the end; or NULL */
	const char *const *groups;	/* parameter groups, NULL at the end; or NULL */
	const char *data;		/* folder of the token shards; NULL: not told */
	const char *data_hash;		/* of the token shards */
	const char *tokenizer;		/* name and hash */
	const char *init;		/* model folder of the first weights; NULL: drawn */
	const char *init_hash;		/* of its weights */
	const char *fork;		/* run folder that this one began in; NULL: in none */
	long long fork_step;		/* steps that were done there */
	const char *fork_hash;		/* checksum of its checkpoint */
};

/** struct run - an open run folder. Read-only for all but core/io. */
struct run {
	char *path;
	char *checkpoints;		/* PATH/checkpoints */
	struct yml *manifest;
	struct metrics *metrics;	/* NULL: opened for reading */
	int lock_fd;			/* -1: opened for reading */
	long long good[2];		/* newest checkpoints known to be whole, -1 if none */
};

/**
 * run_create() - begin a run in @path, which is made if it is missing.
 *
 * Return: 0; -EEXIST if a run or other files are there (the message says to resume or
 * to take another folder); -EBUSY if another process trains there, by number; -errno.
 */
int run_create(const char *path, const struct config *cfg, const struct run_facts *facts,
	       struct run **run);

/**
 * run_prepare() / run_begin() - run_create() in two halves.
 *
 * Between them the caller puts into the folder what the run shall begin with: a checkpoint,
 * a log.  Killed before run_begin() is through, it leaves no run, and what lies there is in
 * the way of no other attempt.  Errors as those of run_create().
 */
int run_prepare(const char *path, const struct config *cfg, struct run **run);
int run_begin(struct run *run, const struct config *cfg, const struct run_facts *facts);

/** run_abandon() - remove what run_prepare() and others made, and close; keeps the message. */
void run_abandon(struct run *run);

/**
 * run_fork_check() - may a training by @cfg go on where @old was after @step steps?
 * @force: whatever the kernels, libraries or data, as run_resume()
 *
 * Return: 0; -EINVAL if a parameter differs that counts before @step (config_acts_from();
 * the message names them), or without @force kernels, libraries, data or tokenizer.
 */
int run_fork_check(const struct run *old, long long step, const struct config *cfg,
		   const struct run_facts *facts, bool force);

/** run_fork_log() - begin the log with that of @old up to @step, and a line "fork". */
int run_fork_log(struct run *run, const struct run *old, long long step, const char *name);

/** run_open() - open a run for reading: eval, generate, reports. Takes no lock. */
int run_open(const char *path, struct run **run);

/**
 * run_resume() - go on with the run in @path.
 * @force: go on although kernels, libraries, data or tokenizer are others than at the
 *	start, or RUN/config no longer has the manifest's hash; the results may then
 *	differ from those of a run that was never cut
 *
 * Return: 0; -ENOENT if there is no run; -EBUSY as run_create(); -EINVAL if the
 * configuration differs in other than local parameters (the message names them), or
 * without @force in kernels, libraries or data.
 * Next: checkpoint_latest(), then run_rewind().
 */
int run_resume(const char *path, const struct config *cfg, const struct run_facts *facts,
	       bool force, struct run **run);

/**
 * run_rewind() - make the metrics end at the checkpoint at @step, and log the resume.
 * @step: -1 if the run was cut before its first checkpoint
 */
int run_rewind(struct run *run, long long step);

/** run_load_config() - read the run's configuration over @cfg. */
int run_load_config(const struct run *run, struct config *cfg);

/**
 * run_config() - the run's configuration, to go on with: parameters that are newer than the
 * run have their defaults, local ones are those of this binary.
 */
int run_config(const struct run *run, struct config **cfg);

/**
 * run_data() - the folder of token shards that the run began with, inside @run.
 *
 * Return: 0; -ENOENT with a message if the run does not say, or if the folder is gone.
 */
int run_data(const struct run *run, const char **dir);

/**
 * run_is_active() - does a process train there now?
 *
 * Takes the lock, shared, for the moment of asking.
 */
bool run_is_active(const struct run *run);

/** run_close() - also gives the lock back; NULL is fine. */
void run_close(struct run *run);

#endif
