/* SPDX-License-Identifier: MIT */
/*
 * The update of optimal brain surgeon, column by column (SparseGPT; Frantar and Alistarh 2023,
 * algorithm 1): weights that stay make up for those that are dropped before them in their row,
 * so that the outputs of the layer change least over the inputs that were seen.
 *
 * The mask may be given, or chosen on the way: in blocks of columns, by w^2 / [H^-1]_jj^2 of
 * weights that are updated already, as SparseGPT does.  All in fp64; rows do not depend on each
 * other, so that threads change nothing.
 */
#ifndef PRUNE_OBS_H
#define PRUNE_OBS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct obs_call - a tensor to update.
 * @u: (cols, cols), what factor_inverse() makes of the damped H
 * @dead: (cols): the input was never anything but 0; such weights go first
 * @w: (rows, cols), in place
 * @mask: what is kept: given, or with @choose the result
 * @sparsity, @keep, @of: with @choose, as in struct prune_choice
 * @columns: with @choose, of a block; a multiple of @of
 */
struct obs_call {
	int64_t rows, cols, columns;
	const double *u;
	const bool *dead;
	float *w;
	uint64_t *mask;
	bool choose;
	double sparsity;
	int keep, of;
};

/** obs_update() - Return: 0; -EDOM naming @what if a weight is not finite; -ENOMEM. */
int obs_update(const struct obs_call *c, const char *what);

#endif
