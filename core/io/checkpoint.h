/* SPDX-License-Identifier: MIT */
/*
 * Checkpoints: what a run needs to go on as if it had never stopped.
 *
 *	RUN/checkpoints/step-0000000100/
 *		model.safetensors
 *		optimizer.safetensors	unless there is nothing in it
 *		masks.safetensors	of a training that prunes
 *		config.json ...		files of the caller
 *		state.yaml		values, and size and checksum of each file
 *		keep			if present, the folder is never pruned
 *
 * A checkpoint appears by the rename of a complete, synced folder, so that SIGKILL, a
 * full disk or a power cut at any moment leaves the ones before it as they were.
 * Nothing in it depends on the time or the machine: equal runs write equal bytes.
 * Documentation/formats/checkpoint.md.
 */
#ifndef IO_CHECKPOINT_H
#define IO_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "io/run.h"
#include "io/safetensors.h"
#include "io/tensor-entry.h"
#include "io/yaml.h"

/** struct state_value - a key of state.yaml with its value; use the macros. */
struct state_value {
	const char *key;
	enum { STATE_IS_INT, STATE_IS_REAL, STATE_IS_TEXT } kind;
	long long integer;
	double real;
	const char *text;
};

#define STATE_INT(k, v)	 { .key = (k), .kind = STATE_IS_INT, .integer = (v) }
#define STATE_REAL(k, v) { .key = (k), .kind = STATE_IS_REAL, .real = (v) }
#define STATE_TEXT(k, v) { .key = (k), .kind = STATE_IS_TEXT, .text = (v) }

/** struct checkpoint_file - one more file, such as config.json. */
struct checkpoint_file {
	const char *name;		/* a plain name */
	const void *bytes;
	size_t len;
};

/** struct checkpoint_content - what to save. */
struct checkpoint_content {
	long long step;			/* steps done */
	const struct tensor_entry *model;
	size_t nr_model;
	const struct tensor_entry *optimizer;
	size_t nr_optimizer;
	const struct tensor_entry *masks;
	size_t nr_masks;
	const struct st_meta *masks_meta;
	size_t nr_masks_meta;
	const struct state_value *state;
	size_t nr_state;
	const struct checkpoint_file *files;
	size_t nr_files;
	bool keep;			/* a fork point: never pruned */
};

/**
 * checkpoint_save() - write a checkpoint of @run, then prune the old ones.
 *
 * The metrics are synced first.  An existing checkpoint of this step is replaced in
 * one move.  Afterwards the two newest whole checkpoints are left, those marked with
 * `keep`, and no temporary folder of a process that died.
 *
 * Return: 0; -errno with a message that names file, tensor and reason (ENOSPC, EROFS);
 * then the older checkpoints are untouched and nothing temporary is left.
 */
int checkpoint_save(struct run *run, const struct checkpoint_content *content);

/** struct checkpoint - an open checkpoint whose checksums were right. Read-only. */
struct checkpoint {
	char *dir;
	long long step;
	struct yml *root;	/* of state.yaml */
	const struct yml *state;	/* the caller's values: yml_int() etc. */
	struct st *model;
	struct st *optimizer, *masks;	/* NULL if there are none */
};

/**
 * checkpoint_open() - open the checkpoint in folder @dir.
 *
 * All files are read once to verify their checksums.  Return: 0; -EINVAL with the name
 * of the file that is torn, altered or missing; -errno.
 */
int checkpoint_open(const char *dir, struct checkpoint **ck);

/**
 * checkpoint_latest() - open the newest whole checkpoint of @run.
 *
 * Damaged ones are passed over with a warning that names the damage.
 * Return: 0; -ENOENT if there is none yet; -EINVAL if all are damaged; -errno.
 */
int checkpoint_latest(struct run *run, struct checkpoint **ck);

/**
 * checkpoint_at() - open the checkpoint of @run at @step, -1: the newest whole one.
 *
 * Return: 0; -ENOENT naming the steps that there are; -EINVAL if it is damaged; -errno.
 */
int checkpoint_at(struct run *run, long long step, struct checkpoint **ck);

void checkpoint_close(struct checkpoint *ck);

/**
 * checkpoint_load() - store the tensors of @ck, strictly: see st_load().
 * @optimizer: NULL to leave the optimizer state alone
 */
int checkpoint_load(const struct checkpoint *ck, const struct tensor_entry *model,
		    size_t nr_model, const struct tensor_entry *optimizer,
		    size_t nr_optimizer);

/**
 * checkpoint_remove_stale() - remove what a process that died was writing or removing.
 *
 * The run's lock must be held.  Whole checkpoints have other names.
 */
int checkpoint_remove_stale(const struct run *run);

/** checkpoint_path() - where the checkpoint of @step is, or would be; NULL: no memory. */
char *checkpoint_path(const struct run *run, long long step);

/** checkpoint_keep() - mark the checkpoint in @dir as a fork point. */
int checkpoint_keep(const char *dir);

#endif
