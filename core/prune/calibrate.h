/* SPDX-License-Identifier: MIT */
/*
 * Calibration: what the inputs of linear layers are over some text.
 *
 * Layers that read the same tensor (q, k and v, say) share one input.  Sums are taken over
 * sequences in fp64; the products of one pass in f32, as everything that the model computes.
 */
#ifndef PRUNE_CALIBRATE_H
#define PRUNE_CALIBRATE_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/arch.h"

struct dataset;
struct model;

/**
 * struct calib_text - which text to read: sequences of the training split, in the order that
 * @seed gives it, without repeating one.
 */
struct calib_text {
	struct dataset *data;
	int sequences, length;
	uint64_t seed;
};

/**
 * struct calib_input - an input.
 * @squares: (width), sum of squares over all positions
 * @products: (width, width), sum of x x^T; NULL if not asked for
 */
struct calib_input {
	int64_t width;
	double *squares, *products;
};

/** struct calib - inputs, and which of them each weight reads. */
struct calib {
	struct calib_input *input;
	int nr_inputs;
	int *of;		/* (weights): number of its input */
	int64_t positions;
};

/**
 * calibrate() - read the text through @m.
 * @weights: (@nr) names of weights of linear layers; the model is run no further than the last
 *	of them
 * @products: sum those, too
 * @what: for the progress line
 *
 * Return: 0; -EINVAL if the text is too short, the length above the context, or a weight is
 * that of no linear layer; -EDOM naming the weight whose inputs are not finite; -errno.
 */
int calibrate(struct model *m, struct device *dev, const struct calib_text *text,
	      const char *const *weights, int nr, bool products, const char *what,
	      struct calib *c);
void calib_free(struct calib *c);

#endif
