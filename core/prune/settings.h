/* SPDX-License-Identifier: MIT */
/*
 * What PRUNE_ parameters ask for, checked against each other.
 */
#ifndef PRUNE_SETTINGS_H
#define PRUNE_SETTINGS_H

#include "base/config.h"
#include "prune/choose.h"

#define PRUNE_SPARSITIES_MAX 64

struct allocation;

/** enum prune_update - what happens to weights that are kept. */
enum prune_update { PRUNE_UPDATE_NONE, PRUNE_UPDATE_OBS };

/**
 * struct prune_settings - resolved: nothing is auto.
 * @sparsity: (@nr), rising or not; with N:M one: the share that N:M is
 * @choice: what is the same for all sparsities; its values are not set
 */
struct prune_settings {
	const struct config *cfg;
	double sparsity[PRUNE_SPARSITIES_MAX];
	int nr;
	struct prune_choice choice;
	const struct allocation *alloc;
	enum prune_update update;
	bool sequential;
};

/**
 * prune_settings_read() - from the PRUNE_ parameters of @cfg, which must stay.
 * Return: 0; -EINVAL naming the parameters that do not fit each other.
 */
int prune_settings_read(const struct config *cfg, struct prune_settings *s);

/**
 * prune_values() - what scores of all tensors have in common.
 * @tensors: with PRUNE_EXP_AVG_SQ, if the criterion reads that
 * @parameters: of the whole model
 *
 * Return: 0 or -ENOMEM.
 */
int prune_values(const struct prune_settings *s, const struct prune_tensor *tensors, int nr,
		 int64_t parameters, struct score_values *v);

/** prune_assign() - set each tensor's sparsity, as the allocation shares @sparsity out. */
int prune_assign(const struct prune_settings *s, double sparsity,
		 const struct prune_choice *choice, struct prune_tensor *tensors, int nr);

/** prune_reads() - the inputs that criterion, allocation and update read, READS(...). */
unsigned int prune_reads(const struct prune_settings *s);

#endif
