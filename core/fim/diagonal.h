/* SPDX-License-Identifier: MIT */
/* Diagonals step by step, and what unit position puts in the place of weight gradients. */
#ifndef FIM_DIAGONAL_H
#define FIM_DIAGONAL_H

#include "fim/pass.h"

struct diagonal;

/** diagonal_new() - unit sequence, or position, without weights: for measuring. */
int diagonal_new(struct fim_job *j, bool by_position, struct diagonal **d);
void diagonal_free(struct diagonal *d);
struct fim_pass *diagonal_pass(struct diagonal *d);

/** diagonal_sequence() - what one sequence takes: gradients and their squares. */
int diagonal_sequence(struct diagonal *d, int64_t sample);

/**
 * struct position_tap - state of the tap; must live as long as graph_backward() runs.
 * @x, @x_squares: the last input and its squares, which layers may share
 */
struct position_tap {
	struct tensor *add;
	struct tensor *x, *x_squares;
};

/**
 * position_prepare() - after model_hidden(): no gradients but those of linear layers.
 * @covered: (parameters) set to which those are
 *
 * A head that is tied to the embedding is not covered: half of its gradient comes from
 * looking up rows.
 */
void position_prepare(struct fim_pass *p, bool *covered);

/**
 * position_tap() - in the place of dW = delta^T a come the rows' squares, added up:
 * (delta^2)^T (a^2), as large a product.
 */
void position_tap(struct position_tap *tap, struct fim_pass *p, struct backward_options *opts);

#endif
