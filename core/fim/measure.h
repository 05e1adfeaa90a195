/* SPDX-License-Identifier: MIT */
/*
 * What an estimate costs, against forward and backward alone: the same sequences, by turns, in
 * one process, so that other work on the machine hits all sides.
 */
#ifndef FIM_MEASURE_H
#define FIM_MEASURE_H

#include "fim/estimate.h"

/**
 * What is measured: gradients of a batch, as training takes them, without an optimizer; of its
 * sequences one by one; and two units of estimates.
 */
enum fim_side { FIM_SIDE_BATCH, FIM_SIDE_ONE, FIM_SIDE_SEQUENCE, FIM_SIDE_POSITION, FIM_SIDES };

/** fim_side_name - "batch", "one by one", "sequence", "position". */
extern const char *const fim_side_name[FIM_SIDES];

/**
 * struct fim_costs - @seconds: of a turn, medians; @ratio: median over the turns of the time
 *	against that of the batch in the same turn; @cpu_ratio: the same of the time that
 *	processors spent on it, which other work hardly changes
 * @tokens: in a turn
 */
struct fim_costs {
	int64_t parameters, tokens;
	double seconds[FIM_SIDES], ratio[FIM_SIDES], cpu_ratio[FIM_SIDES];
};

/**
 * fim_measure() - cost of estimates of a model with random weights.
 * @j: data, device and context are given; the rest is set here. fim_job_free() in any case
 * @cfg: MODEL_ parameters
 * @batch: sequences in a turn, at once or one by one
 * @turns: that count; one more comes first
 */
int fim_measure(struct fim_job *j, const struct config *cfg, int batch, int turns,
		struct fim_costs *c);

#endif
