/* SPDX-License-Identifier: MIT */
/*
 * Two estimates of the same tensors: do they put elements in the same order?
 *
 * Within each tensor, since that is where a choice between elements is made:
 *
 *	spearman	rank correlation of the elements
 *	inner		the same of what is left of log F when the means of its rows and of its
 *			columns are taken out: most of the agreement of two diagonals may be that
 *			of rows (outputs) and columns (inputs), which row and column sums tell
 *	jaccard		of the largest 1 %, 10 % and 50 %
 *	ratio		of the sums
 *
 * Noise makes estimates differ that mean the same.  If a file has halves of its sample, the
 * correlation of these tells how reliable it is (with Spearman-Brown for the whole: 2 r / (1 +
 * r)), and correlations are divided by the square root of the reliabilities that are known
 * (Spearman 1904).
 *
 * The null shuffles the rows of one, and its columns: what chance gives two tensors that have
 * rows and columns of these sizes, but not in the same places.
 */
#ifndef FIM_COMPARE_H
#define FIM_COMPARE_H

#include "fim/fim.h"

#define FIM_CUTS 3

/** fim_cuts - 0.01, 0.1, 0.5. */
extern const double fim_cuts[FIM_CUTS];

/**
 * struct fim_agreement - a rank correlation and what it is worth; NaN where nothing is known.
 * @rho: the correlation
 * @reliability: of each file
 * @corrected: rho / sqrt(reliabilities that are known)
 * @corrected_f: rho / sqrt(reliability of the first): the second file as it is, noise and all,
 *	against what the first is an estimate of
 * @low, @high: 95 % interval of rho, as of independent elements (stats_rho_interval())
 * @null_sd: standard deviation of rho over shuffles
 * @p: share of shuffles whose |rho| is as large, (1 + those) / (1 + shuffles)
 */
struct fim_agreement {
	double rho, low, high, reliability[2], corrected, corrected_f, null_sd, p;
};

/**
 * struct fim_pair - a tensor that both have.
 * @jaccard, @chance: at fim_cuts: found, and what two random choices have
 * @ratio: sum of the second over sum of the first; @mean: of both
 */
struct fim_pair {
	const char *name;	/* of the first file's item */
	int64_t n[2];
	int nd;
	int64_t count;
	struct fim_agreement plain, inner;
	double jaccard[FIM_CUTS], chance[FIM_CUTS];
	double ratio, mean[2];
};

/**
 * struct fim_comparison - all tensors.
 * @all: means over the tensors, weighted by elements; @all.ratio of the sums over all
 * @layers: the same over the matrices of layers, without embeddings and head, whose share of a
 *	model depends on its size; 0 elements if the names tell no layers
 * @between: rank correlation of the tensors' means
 * @only: tensors that just one has
 * @common_samples: both looked at some of the same text: they share noise, which corrections
 *	take for agreement
 */
struct fim_comparison {
	struct fim_pair *pair;
	int nr, only[2];
	struct fim_pair all, layers;
	double between;
	bool same_model, same_data;
	bool common_samples;
};

/** struct fim_compare_options - @shuffles: of the null; 0: none. */
struct fim_compare_options {
	int shuffles;
	int64_t seed;
};

/**
 * fim_compare() - compare two diagonals. fim_comparison_free() in any case.
 * @f, @g: must stay open as long as the result is used
 *
 * Return: 0; -EINVAL if a file has no diagonal, a shape differs, or a value is no number, by
 * name; -errno.
 */
int fim_compare(const struct fim *f, const struct fim *g, const struct fim_compare_options *o,
		struct fim_comparison *c);
void fim_comparison_free(struct fim_comparison *c);

#endif
