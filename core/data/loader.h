/* SPDX-License-Identifier: MIT */
/*
 * Training and evaluation windows of a data set.
 *
 * Window w of a stream of N tokens has inputs [w * T, w * T + T) and, one further, targets
 * [w * T + 1, w * T + T + 1); there are W = (N - 1) / T of them.  Every target is predicted
 * once per epoch; the last (N - 1) % T tokens are not used.
 *
 * Which window sample s is follows from s alone, the number of the sample in the whole run:
 * epoch s / W, and in it place s % W of a permutation keyed by (seed, "data/order", epoch).
 * So no window repeats within an epoch, resume needs no state, and batch size, number of
 * threads and number of processes do not change the order.
 */
#ifndef DATA_LOADER_H
#define DATA_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "data/dataset.h"

/** struct loader - an order over the windows of one split; set by loader_init(). */
struct loader {
	const struct dataset *ds;
	enum data_split split;
	int length;		/* T */
	bool shuffle;		/* false: windows in the order of the stream, seed unused */
	uint64_t seed;
	uint64_t windows;	/* W */
	double noise;		/* loader_noise(); 0: none */
	uint64_t noise_first;
};

/**
 * loader_init() - windows of @length tokens over @split of @ds, which must outlive @l.
 *
 * Return: 0; -EINVAL with a message if the split is too small for one window.
 */
int loader_init(struct loader *l, const struct dataset *ds, enum data_split split, int length,
		bool shuffle, uint64_t seed);

/**
 * loader_noise() - replace targets at random, in samples from @first on.
 * @share: of the targets, 0 to 1
 *
 * A target is replaced by a token of the whole vocabulary, all equally probable, itself
 * among them.  Which ones, and by what, follows from the seed, the number of the sample and
 * the position in it alone.
 */
void loader_noise(struct loader *l, double share, uint64_t first);

/** loader_window() - number of the window that sample @sample is. */
uint64_t loader_window(const struct loader *l, uint64_t sample);

/**
 * loader_fill() - samples [@first, @first + @nr).
 * @tokens: (nr, T) inputs
 * @targets: (nr, T) the token after each input, but for loader_noise(); may be NULL
 * @doc_start: (nr, T) index in the window of the first token of the document that the
 * input belongs to, so that attention at i may be limited to j >= doc_start[i]; the
 * end-of-text token belongs to the document before it; may be NULL
 *
 * Return: 0; -ERANGE with a message if a token is not below the vocabulary.  May be called
 * by several threads at once.
 */
int loader_fill(const struct loader *l, uint64_t first, int nr, int32_t *tokens,
		int32_t *targets, int32_t *doc_start);

/** loader_unique_tokens() - different targets among the first @samples samples. */
uint64_t loader_unique_tokens(const struct loader *l, uint64_t samples);

/** loader_epochs() - passes over the data that @samples samples are. */
double loader_epochs(const struct loader *l, uint64_t samples);

#endif
