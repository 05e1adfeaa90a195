/* SPDX-License-Identifier: MIT */
#ifndef FIM_MERGE_H
#define FIM_MERGE_H

#include "fim/fim.h"

/**
 * fim_merge() - the estimate of all samples together, from those of each.
 * @files: (@nr) diagonals of one model, unit and kind of labels, of different samples
 *
 * Each weighs as its tokens: F = sum(tokens F) / sum(tokens).  Parts that all have are in the
 * result, halves too: the first halves together are half of the sample.
 * Return: 0; -EINVAL naming what differs (weights, unit, labels, data, context, batch, seed,
 * a tensor), or the samples that two have in common; -errno.
 */
int fim_merge(struct fim *const *files, int nr, const char *out);

#endif
