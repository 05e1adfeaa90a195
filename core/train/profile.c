// SPDX-License-Identifier: MIT
#include "train/profile.h"

#include <math.h>

#include "train/trainer-internal.h"

/* The plans of a step, and how often each runs in it. */
#define PLANS 3

static void parts_of(const struct trainer *t, struct op_time_part part[PLANS])
{
	part[0] = (struct op_time_part){ t->step.plan, t->shape.accum };
	part[1] = (struct op_time_part){ t->norm.plan, 1 };
	part[2] = (struct op_time_part){ t->update.plan, 1 };
}

void trainer_timing(struct trainer *t, bool on)
{
	struct op_time_part part[PLANS];

	parts_of(t, part);
	for (int i = 0; i < PLANS; i++)
		plan_timing(part[i].plan, on);
}

int trainer_op_times(struct trainer *t, int steps, const struct device_rates *rates,
		     struct op_time **list)
{
	struct op_time_part part[PLANS];

	parts_of(t, part);
	return op_times(part, PLANS, steps, rates, list);
}

/* ---- before the first step ------------------------------------------------------- */

/*
 * Shares of the measured rates that kernels reach in training, and what a call costs
 * beside its work.  `knlp bench train --ops` shows them; Documentation/knlp-train.md says
 * how far off the predictions were.  A call costs the threads' meeting, and what small matrices
 * lose in packing and in tiles that do not fill up.
 */
#define SHARE_FLOPS 0.80
#define SHARE_BYTES 0.60
#define CALL_SECONDS 40e-6

static double predict_call(const struct step *s, const struct device_rates *r)
{
	struct cost c = step_cost(s);
	double flops = c.flops / (SHARE_FLOPS * step_peak(s, r));
	double bytes = c.bytes / (SHARE_BYTES * r->triad);

	return CALL_SECONDS + (flops > bytes ? flops : bytes);
}

double trainer_predict(struct trainer *t, const struct device_rates *r)
{
	struct op_time_part part[PLANS];
	double seconds = 0;

	if (!r->f32 || !r->bf16 || !r->triad)
		return NAN;
	parts_of(t, part);
	for (int i = 0; i < PLANS; i++) {
		plan_cost(part[i].plan);	/* resolves the extents */
		for (int k = 0; k < part[i].plan->nr_steps; k++)
			seconds += part[i].times * predict_call(&part[i].plan->steps[k], r);
	}
	return seconds;
}
