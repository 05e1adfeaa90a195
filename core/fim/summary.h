/* SPDX-License-Identifier: MIT */
/* What a FIM file says of its tensors and layers, for people. */
#ifndef FIM_SUMMARY_H
#define FIM_SUMMARY_H

#include "base/strbuf.h"
#include "fim/fim.h"

/**
 * struct fim_figure - a tensor, or a layer: NaN where the file does not say.
 * @layer: number in the tensor's name, -1: none
 * @kind: the name without what comes up to that number: "mlp.c_fc.weight"
 * @share: of the sum over the model
 * @peak: largest element over the mean
 * @zeros: share of elements that are 0
 * Units of kfac: @a, @g are the means of the diagonals of A and G, @mean is their product.
 */
struct fim_figure {
	const char *name, *kind;
	const struct fim_item *item;
	int layer;
	int64_t count;
	double sum, mean, share, peak, zeros, a, g;
};

/** struct fim_summary - of diagonals and kfac; attention has figures of its own. */
struct fim_summary {
	struct fim_figure *tensor, *layer;	/* layers in order; what is in none comes last */
	int nr, nr_layers;
	int64_t count;
	double sum;
};

/**
 * fim_summarize() - read all values. fim_summary_free() in any case.
 * @f: must stay open as long as the result is used
 * Return: 0; -EINVAL naming a value that is no number; -errno.
 */
int fim_summarize(const struct fim *f, struct fim_summary *s);
void fim_summary_free(struct fim_summary *s);

/** fim_is_attention() - is it of heads, not of weights? */
bool fim_is_attention(const struct fim *f);

/** fim_head_mean() - mean over the heads of a layer. @part: FIM_TRACE to FIM_ENTROPY */
double fim_head_mean(const struct fim_item *item, enum fim_part part);

/** fim_layer() - the number in a tensor's name, -1: none. "model.layers.3.mlp..." gives 3. */
int fim_layer(const char *name);

/** fim_html() - append a page about @f: tables, and heatmaps of tensors, layers, heads. */
int fim_html(const struct fim *f, struct strbuf *out);

#endif
