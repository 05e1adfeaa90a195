/* SPDX-License-Identifier: MIT */
/*
 * Where the time of plans goes, kernel by kernel.
 */
#ifndef TENSOR_OP_TIME_H
#define TENSOR_OP_TIME_H

#include "tensor/plan.h"

/**
 * struct op_time - all calls of one kernel in one step of some work.
 * @calls: per step
 * @seconds: per step, measured
 * @flops, @bytes: per step, from the op's cost rule
 * @least: seconds per step that the calls would take at the device's rates: of each, the
 *	time of its arithmetic or of its memory traffic, whichever is longer
 */
struct op_time {
	const char *op, *kernel;
	long calls;
	double seconds, flops, bytes, least;
};

/** struct op_time_part - a plan, and how often it runs in a step. @plan: NULL: not at all. */
struct op_time_part {
	struct plan *plan;
	int times;
};

/**
 * op_times() - the kernels of plans that plan_timing() timed, the slowest first.
 * @steps: how many were run since plan_timing()
 * @rates: of the device; zeros, and @least of the kernels is not finite
 * @list: caller frees it
 * Return: their number, or -ENOMEM.
 */
int op_times(const struct op_time_part *part, int nr_parts, int steps,
	     const struct device_rates *rates, struct op_time **list);

/** step_peak() - the rate that the arithmetic of a step can have at most. */
double step_peak(const struct step *s, const struct device_rates *r);

#endif
