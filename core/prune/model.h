/* SPDX-License-Identifier: MIT */
/*
 * Pruning a model that is there: files in, files out.
 *
 *	OUT/			a model folder (one for each sparsity, OUT/0.5 ..., if there are
 *				several): the weights, zeros where they were dropped
 *	OUT/masks.safetensors	what is kept; Documentation/formats/masks.md
 */
#ifndef PRUNE_MODEL_H
#define PRUNE_MODEL_H

#include "formats/source.h"
#include "prune/event.h"
#include "prune/settings.h"
#include "tensor/arch.h"
#include "tensor/dtype.h"

struct pruning;

/**
 * struct prune_files - what to read and to write.
 * @model: run or model, of any format
 * @initial: the model before its training; NULL: none
 * @fim: FIM file; NULL: none
 * @data: token shards for calibration; NULL: none
 * @dev: where calibration computes
 * @out: does not exist yet
 * @dtype: type of the matrices in OUT; DT_COUNT: as they are
 * @sparse: what becomes of their zeros in OUT
 */
struct prune_files {
	const char *model, *initial, *fim, *data, *out;
	struct device *dev;
	enum dtype dtype;
	enum write_sparse sparse;
};

/**
 * struct prune_size - what a model's tensors take in OUT, as it was written.
 * @bytes: of all tensors; @dense: the same if all elements were stored
 * @matrix_bytes, @matrix_weights: of the pruned matrices
 */
struct prune_size {
	int64_t bytes, dense, matrix_bytes, matrix_weights;
};

/**
 * struct prune_result - a model that was pruned.
 * @sparsity: that was asked for
 * @path: where it is; owned by the pruning
 * @size: looked up in the files that were written
 * @calibration: seconds that it took
 */
struct prune_result {
	double sparsity;
	char *path;
	struct prune_event event;
	struct prune_size size;
	double calibration;
};

/**
 * pruning_new() - open the files, and find out what can be pruned.
 * @s, @f: must stay
 *
 * Return: 0; -EINVAL with one line that says what the criterion lacks, or what does not
 * belong to the model; -errno.
 */
int pruning_new(const struct prune_settings *s, const struct prune_files *f, struct pruning **p);
void pruning_free(struct pruning *p);

/**
 * pruning_run() - prune to all sparsities and write OUT, all or nothing.
 * @results: (settings' nr), valid as long as @p
 */
int pruning_run(struct pruning *p, const struct prune_result **results);

#endif
