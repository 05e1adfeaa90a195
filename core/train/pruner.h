/* SPDX-License-Identifier: MIT */
/*
 * Pruning while training: what a trainer calls.
 *
 * Masks lie on the device, a byte per weight, in segments like those of the weights, and are
 * inputs of the optimizer's update, which keeps dropped weights and their moments at 0 for
 * no pass of its own.  They are chosen behind the steps that core/prune/schedule.h names, on
 * the host, by the path that `knlp prune` takes: core/prune/choose.h.
 *
 * Gradients are those of all weights: criteria see also what a dropped weight would want, and
 * the norm that clips is of the whole gradient, for every criterion alike.
 */
#ifndef TRAIN_PRUNER_H
#define TRAIN_PRUNER_H

#include <stdbool.h>
#include <stddef.h>

struct checkpoint;
struct checkpoint_content;
struct prune_event;
struct pruner;
struct segment;
struct tensor_entry;
struct trainer;

#if IS_ENABLED(CONFIG_PRUNE)

/**
 * pruner_new() - t->pruner, with memory for masks and sums; NULL: nothing is pruned.
 * Return: 0; -EINVAL naming parameters that do not fit each other, or what the criterion
 * reads and a training has not; -ENOMEM.
 */
int pruner_new(struct trainer *t);
void pruner_free(struct pruner *p);

/** pruner_build() - graphs of its own, behind those of the step. */
int pruner_build(struct trainer *t);

/** pruner_mask() - the masks of a group; NULL: it has none. */
const struct segment *pruner_mask(const struct pruner *p, int group);

/** pruner_bytes() - device memory. */
size_t pruner_bytes(const struct pruner *p);

/** pruner_reset() - nothing is dropped, and nothing summed up. */
int pruner_reset(struct trainer *t);

/**
 * pruner_start() - before the first step, the weights being there: nothing is dropped, but
 * with PRUNE_SCHEDULE=keep what is 0.
 * @init: the weights are those of another model
 */
int pruner_start(struct trainer *t, bool init);

/** pruner_fork() - refuse what could not have begun as the run did, see pruner_start(). */
int pruner_fork(const struct trainer *t, bool init);

/** pruner_gradient() - gradients of a step are there, its update is not made: sum them up. */
int pruner_gradient(struct trainer *t);

/** pruner_step() - a step is done: choose masks if they are due. */
int pruner_step(struct trainer *t);

/** pruner_event() - what the last step chose; NULL: nothing. */
const struct prune_event *pruner_event(const struct pruner *p);

/** struct pruner_files - what a checkpoint gets besides weights and moments. */
struct pruner_files {
	struct tensor_entry *sums, *masks;
	int nr_sums, nr_masks;
	struct mask_meta *meta;
};

/**
 * pruner_files_make() - for a checkpoint behind step @done; for saving and for loading.
 * @done: sums there are only behind the step where pruning begins
 */
int pruner_files_make(struct trainer *t, long long done, struct pruner_files *f);
void pruner_files_free(struct pruner_files *f);

/** pruner_files_add() - put the masks of @f into @c. */
void pruner_files_add(const struct pruner_files *f, struct checkpoint_content *c);

/** pruner_load() - the masks of @ck. Return: 0; -EINVAL if they are missing, or no masks. */
int pruner_load(struct trainer *t, const struct checkpoint *ck);

#else

/** pruner_refuse() - nothing is pruned by a program without CONFIG_PRUNE. */
int pruner_refuse(const struct trainer *t);

struct pruner_files {
	struct tensor_entry *sums;
	int nr_sums;
};

static inline int pruner_new(struct trainer *t) { return pruner_refuse(t); }
static inline void pruner_free(struct pruner *p) { (void)p; }
static inline int pruner_build(struct trainer *t) { return 0; }
static inline const struct segment *pruner_mask(const struct pruner *p, int group)
{
	return NULL;
}
static inline size_t pruner_bytes(const struct pruner *p) { return 0; }
static inline int pruner_reset(struct trainer *t) { return 0; }
static inline int pruner_start(struct trainer *t, bool init) { return 0; }
static inline int pruner_fork(const struct trainer *t, bool init) { return 0; }
static inline int pruner_gradient(struct trainer *t) { return 0; }
static inline int pruner_step(struct trainer *t) { return 0; }
static inline const struct prune_event *pruner_event(const struct pruner *p) { return NULL; }
static inline int pruner_files_make(struct trainer *t, long long done, struct pruner_files *f)
{
	*f = (struct pruner_files){ 0 };
	return 0;
}
static inline void pruner_files_free(struct pruner_files *f) { (void)f; }
static inline void pruner_files_add(const struct pruner_files *f, struct checkpoint_content *c)
{
}
static inline int pruner_load(struct trainer *t, const struct checkpoint *ck) { return 0; }

#endif
#endif
