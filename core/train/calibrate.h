/* SPDX-License-Identifier: MIT */
/*
 * Calibration: what the inputs of linear layers are over some text.
 *
 * Layers that read the same tensor (q, k and v, say) share one input.  Sums are taken over
 * passes of some sequences in fp64; those of one pass are rounded to f32, as everything that the
 * model computes.
 */
#ifndef TRAIN_CALIBRATE_H
#define TRAIN_CALIBRATE_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/arch.h"

struct model;

/**
 * struct calib_text - sequences to read.
 * @sequences: how many, of @length tokens each
 * @read: the tokens of sequence @i, (@length); 0 or -errno with a message
 */
struct calib_text {
	int64_t sequences;
	int length;
	int (*read)(void *ctx, int64_t i, int32_t *tokens);
	void *ctx;
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
 * In memory are the weights and the activations of one pass of 2,048 tokens, or of one sequence if
 * that is longer.  The bits do not depend on the number of threads.
 * Return: 0; -EINVAL if the length is above the context, a token beyond the vocabulary, or a weight
 * that of no linear layer; -EDOM naming the weight whose inputs are not finite; -errno.
 */
int calibrate(struct model *m, struct device *dev, const struct calib_text *text,
	      const char *const *weights, int nr, bool products, const char *what,
	      struct calib *c);
void calib_free(struct calib *c);

#endif
