/* SPDX-License-Identifier: MIT */
/*
 * Estimating Fisher information.
 *
 * Two choices are independent.  Labels: those of the text (the empirical Fisher information)
 * or drawn from the model (the true one).  Unit: of what the gradient is taken before it is
 * squared.  With g_t the gradient of the loss of token t, in nats, and T tokens in a sequence:
 *
 *	token		mean over positions of g_t^2
 *	sequence	mean over sequences of (sum_t g_t)^2 / T
 *	batch		mean over batches of B T (mean of g_t over B sequences)^2
 *	adam		B T v / (1 - beta_2^s), v the optimizer's second moment after s steps
 *	position	sum over rows of (delta^2)^T (a^2), per token: linear layers only
 *
 * All are in nats^2 per token.  With sampled labels E[g_s g_t] = 0 for s != t (given the text,
 * the labels are independent and each score has mean 0), so that token, sequence and batch
 * have one expectation: the diagonal of the Fisher information, per token.  With observed
 * labels the sums have a part that grows with the number of tokens, (E g)^2.
 * (Kunstner et al., "Limitations of the empirical Fisher approximation", 2019.)
 *
 * Which sequences are looked at follows from seed and data alone: the order of loader.h.
 * A label depends on seed, draw, sample and position, not on the unit.
 */
#ifndef FIM_ESTIMATE_H
#define FIM_ESTIMATE_H

#include "base/config.h"
#include "base/section.h"
#include "data/loader.h"
#include "fim/fim.h"
#include "tensor/arch.h"

struct fim_unit;
struct registry;

/**
 * struct fim_job - an estimate to make.
 * @model: path of a model of any format
 * @data: NULL for a unit that needs none
 * @context: tokens of a sequence; 0: as many as the model takes
 * @first: number of the first sample
 * @doc_mask: attention does not cross documents
 * @out: where to; @out.parts is for diagonals
 *
 * The rest is set by fim_estimate():
 * @total: sum over all tensors; @loss: mean over the tokens, nats
 */
struct fim_job {
	const char *model;
	struct dataset *data;
	struct device *dev;
	int context;
	int64_t first;
	bool doc_mask;
	struct fim_output out;
	struct config *cfg;		/* what the model says of itself */
	const struct fim_unit *unit;
	struct loader loader;
	bool sampled;
	struct fim_facts facts;
	double total, loss;
	size_t memory;			/* bytes of the device, as planned */
};

/**
 * struct fim_unit - a kind of estimate; FIM_UNIT_REGISTER() it.
 * @is_diagonal: it makes a diagonal, so that parts, halves and shrinking have a meaning
 * @has_labels: they may be sampled; a unit without asks for "observed"
 * @has_halves: the sample can be divided
 * @from_data: it looks at text
 */
struct fim_unit {
	const char *name;
	const char *summary;
	bool is_diagonal, has_labels, has_halves, from_data;
	int (*run)(struct fim_job *j);
};

SECTION_DECLARE(knlp_fim_units, struct fim_unit);
#define FIM_UNIT_REGISTER(var) SECTION_ENTRY(knlp_fim_units, struct fim_unit, var)

/** fim_units() - all of them, sorted by name. */
const struct registry *fim_units(void);

/**
 * fim_estimate() - make the estimate that FIM_ parameters of @cfg describe, and write it.
 *
 * Nothing is written before everything is known.  Return: 0; -EINVAL for what does not fit;
 * -ENOMEM if the device has too little memory, before any is taken; -EDOM naming the first op
 * that made a NaN; -errno.  fim_job_free() in any case.
 */
int fim_estimate(struct fim_job *j, const struct config *cfg);
void fim_job_free(struct fim_job *j);

/** fim_check_room() - does the device have @need bytes? Return: 0; -ENOMEM saying both. */
int fim_check_room(struct fim_job *j, size_t need);

#endif
