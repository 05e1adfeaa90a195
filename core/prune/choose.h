/* SPDX-License-Identifier: MIT */
/*
 * From tensors to masks: scores, thresholds and counts, for a criterion, a scope and a
 * sparsity.  `knlp prune` and pruning while training both go through prune_choose(): what
 * differs between criteria is the scores alone.
 *
 * Everything lies in the host's memory.
 */
#ifndef PRUNE_CHOOSE_H
#define PRUNE_CHOOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "prune/criterion.h"

/** enum prune_scope - among which weights the lowest are dropped. */
enum prune_scope { PRUNE_ROW, PRUNE_TENSOR, PRUNE_BLOCK, PRUNE_GLOBAL, PRUNE_SCOPES };

/** prune_scope_names - by number: "row", "tensor", "block", "global". */
extern const char *const prune_scope_names[PRUNE_SCOPES];

/** prune_scope_find() - by name; -EINVAL (no message). */
int prune_scope_find(const char *name);

/**
 * struct prune_tensor - a matrix whose weights may be dropped, and what came of it.
 * @name: as in the model, owned by whoever made the tensor
 * @layer: number of its block, -1: none
 * @in: (rows, cols) each; NULL for what the criterion does not read
 * @norm, @inverse_a, @inverse_g: see struct score_call
 * @sparsity: share of its weights to drop, as the allocation gives it
 * @before: mask that was in force; NULL: none
 * @mask: the result
 * @low, @high: of the scores that are finite
 * @not_finite: NaN and infinities among them
 */
struct prune_tensor {
	const char *name;
	int layer;
	int64_t rows, cols;
	const float *in[PRUNE_FLAT];
	const float *norm;
	const double *inverse_a, *inverse_g;
	double sparsity;
	uint64_t *before, *mask;
	float low, high;
	int64_t not_finite;
};

static inline int64_t prune_tensor_count(const struct prune_tensor *t)
{
	return t->rows * t->cols;
}

/**
 * struct prune_choice - how to choose.
 * @keep, @of: N:M instead of a sparsity: @keep of each @of neighbours of a row; 0: not
 * @regrow: so large a share of what is kept is dropped as well, and as many weights with the
 *	largest gradients come back in its place, whatever the criterion says of them (RigL:
 *	Evci et al., "Rigging the lottery", 2020); not with N:M.  Tensors have PRUNE_GRADIENT then
 */
struct prune_choice {
	const struct criterion *criterion;
	enum prune_scope scope;
	int keep, of;
	double regrow;
	struct score_values values;
};

/**
 * prune_scores() - the scores of a whole tensor; fills its @low, @high and @not_finite.
 * @score: (rows, cols)
 *
 * Return: 0 or -ENOMEM.
 */
int prune_scores(const struct prune_choice *c, struct prune_tensor *t, float *score);

/** prune_check() - -EINVAL naming a tensor that N:M does not divide. */
int prune_check(const struct prune_choice *c, const struct prune_tensor *tensors, int nr);

/**
 * prune_choose() - the masks of all tensors.
 *
 * Of each row, tensor, block or of all, exactly select_count(sparsity, weights) are dropped,
 * with the mean sparsity where tensors of a scope have several.  Monotone criteria keep
 * dropped what @before dropped, but for what @c->regrow lets come back.
 * Return: 0; -EINVAL as prune_check(); -ENOMEM.
 */
int prune_choose(const struct prune_choice *c, struct prune_tensor *tensors, int nr);

/** prune_asked() - how many weights prune_choose() drops if nothing was dropped before. */
int64_t prune_asked(const struct prune_choice *c, const struct prune_tensor *tensors, int nr);

/**
 * prune_mean() - mean of @input over the weights of all tensors, the same for any threads.
 *
 * Those that @before dropped, where the input is 0, do not count; prune_median() as well.
 */
int prune_mean(const struct prune_tensor *tensors, int nr, enum prune_input input, double *mean);

/** prune_median() - median (the lower one) of @input, which is nowhere below 0. */
int prune_median(const struct prune_tensor *tensors, int nr, enum prune_input input,
		 double *median);

#endif
