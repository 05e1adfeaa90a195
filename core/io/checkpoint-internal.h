/* SPDX-License-Identifier: MIT */
/* What the files of the checkpoints share. */
#ifndef IO_CHECKPOINT_INTERNAL_H
#define IO_CHECKPOINT_INTERNAL_H

#include "base/hash.h"
#include "io/checkpoint.h"

#define CHECKPOINT_FORMAT	1
#define CHECKPOINT_STATE	"state.yaml"
#define CHECKPOINT_KEEP		"keep"

/** struct checkpoint_sum - a file of a checkpoint, as state.yaml lists it. */
struct checkpoint_sum {
	const char *name;
	size_t bytes;
	char checksum[HASH_HEX];
};

/** checkpoint_steps() - steps of the checkpoints in @dir, newest first; caller frees. */
int checkpoint_steps(const char *dir, long long **steps, size_t *nr);

/** checkpoint_prune() - after a save: drop old checkpoints and what dead processes left. */
int checkpoint_prune(struct run *run);

/** checkpoint_is_good() - is the checkpoint of @step whole? Remembers what it found. */
bool checkpoint_is_good(struct run *run, long long step);

/** checkpoint_note_good() - remember that the checkpoint of @step is whole. */
void checkpoint_note_good(struct run *run, long long step);

/** state_write() - write DIR/state.yaml. */
int state_write(const char *dir, const struct checkpoint_content *c,
		const struct checkpoint_sum *sums, size_t nr_sums);

/** state_read() - read DIR/state.yaml after its own checksum was verified. */
int state_read(const char *dir, struct yml **root);

#endif
