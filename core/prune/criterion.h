/* SPDX-License-Identifier: MIT */
/*
 * Criteria: how important a weight is.
 *
 * A criterion is one file in core/prune/criteria/: a name, what it reads, and a function
 * from that to scores.  Everything else is the same for all of them: which weights may be
 * dropped, how many, the threshold, ties, masks, what is reported.  Documentation/
 * add-a-criterion.md adds one.
 */
#ifndef PRUNE_CRITERION_H
#define PRUNE_CRITERION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/registry.h"
#include "base/section.h"

/**
 * enum prune_input - what a criterion may read.  Those up to PRUNE_FISHER are as large as the
 * weights, (rows, cols) = (out, in).
 */
enum prune_input {
	PRUNE_WEIGHT,
	PRUNE_INITIAL,		/* weights before the training */
	PRUNE_EXP_AVG,		/* Adam's first moment, as stored: not corrected for its start */
	PRUNE_EXP_AVG_SQ,	/* and its second */
	PRUNE_MOVEMENT,		/* sum of -w g over the steps of a training */
	PRUNE_GRADIENT,		/* of the mean loss, also of weights that are dropped */
	PRUNE_FISHER,		/* diagonal Fisher information */
	PRUNE_FLAT,

	PRUNE_NORM = PRUNE_FLAT,	/* (cols): root of the sum of squares of an input */
	PRUNE_HESSIAN,		/* (cols, cols): 2/n sum of x x^T over the inputs x of the layer */
	PRUNE_KFAC,		/* factors (cols, cols) and (rows, rows): E[a a^T], E[d d^T] */
	PRUNE_INPUTS
};

#define READS(input) (1u << PRUNE_##input)

/** READS_CALIBRATION - inputs that a pass over text finds. */
#define READS_CALIBRATION (READS(NORM) | READS(HESSIAN))

/**
 * struct score_values - numbers that scores of all tensors have in common.
 * @seed: PRUNE_SEED
 * @parameters: of the whole model, also those that are never dropped
 * @power: PRUNE_POWER
 * @eps: PRUNE_EPS times the mean of exp_avg_sq over all weights that may be dropped
 */
struct score_values {
	uint64_t seed;
	int64_t parameters;
	double power, eps;
};

/**
 * struct score_call - whole rows of a tensor that is to be scored.
 * @name_hash: hash_name() of the tensor
 * @at: number of the first element; @at and @nr are multiples of @cols
 * @in: (@nr) each, from element @at on; NULL for what the criterion does not read
 * @norm: (cols)
 * @inverse_a, @inverse_g: diagonals (cols) and (rows) of the inverses of damped K-FAC factors
 * @score: (@nr), higher is kept longer
 */
struct score_call {
	const struct score_values *values;
	uint64_t name_hash;
	int64_t rows, cols, at, nr;
	const float *in[PRUNE_FLAT];
	const float *norm;
	const double *inverse_a, *inverse_g;
	float *score;
};

/**
 * struct criterion - a criterion.
 * @note: where what is published and its code disagree, or what else one should know; NULL
 * @reads: READS(WEIGHT) | ...
 * @scope: as it was published; NULL: tensor
 * @alloc: the allocation that it was published with; NULL: uniform
 * @is_monotone: a weight that was dropped never comes back; a score of 0 there would not
 *	see to that.  Others may regrow
 * @eps: what is added to exp_avg_sq, NULL: nothing. Where it swallows that, the order is that
 *	of |w| and the mask event says so
 * @score: NULL for those that choose while they update (SparseGPT)
 */
struct criterion {
	const char *name;
	const char *summary;
	const char *note;
	unsigned int reads;
	const char *scope, *alloc;
	bool is_monotone;
	double (*eps)(const struct score_values *v);
	void (*score)(const struct score_call *c);
};

#define CRITERION_REGISTER(var) SECTION_ENTRY(knlp_criteria, struct criterion, var)

/** criterion_table() - all criteria, sorted. */
const struct registry *criterion_table(void);

/** criterion_find() - by name; NULL with a message that lists them. */
const struct criterion *criterion_find(const char *name);

#endif
