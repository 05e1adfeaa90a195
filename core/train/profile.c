// SPDX-License-Identifier: MIT
#include "train/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "train/trainer-internal.h"

/* The plans of a step, and how often each runs in it. */
#define PLANS 3
struct part {
	struct plan *plan;
	int times;
};

static void parts_of(const struct trainer *t, struct part part[PLANS])
{
	part[0] = (struct part){ t->step.plan, t->shape.accum };
	part[1] = (struct part){ t->norm.plan, 1 };
	part[2] = (struct part){ t->update.plan, 1 };
}

void trainer_timing(struct trainer *t, bool on)
{
	struct part part[PLANS];

	parts_of(t, part);
	for (int i = 0; i < PLANS; i++)
		plan_timing(part[i].plan, on);
}

/* ---- by kernel ------------------------------------------------------------------- */

static int slower(const void *a, const void *b)
{
	const struct op_time *x = a, *y = b;

	if (x->seconds != y->seconds)
		return x->seconds < y->seconds ? 1 : -1;
	return strcmp(x->kernel, y->kernel);
}

static struct op_time *find(struct op_time *list, int *nr, const struct kernel *k)
{
	for (int i = 0; i < *nr; i++)
		if (list[i].kernel == k->name && list[i].op == k->op)
			return &list[i];
	list[*nr] = (struct op_time){ .op = k->op, .kernel = k->name };
	return &list[(*nr)++];
}

static double peak_of(const struct step *s, const struct device_rates *r)
{
	const struct tensor *first = s->node->nr_in ? s->node->in[0] : NULL;

	return rates_peak(r, first ? &first->now : NULL);
}

static void add_part(const struct part *part, int steps, const struct device_rates *rates,
		     struct op_time *list, int *nr)
{
	for (int i = 0; i < part->plan->nr_steps; i++) {
		const struct step *s = &part->plan->steps[i];
		struct op_time *row = find(list, nr, s->kernel);
		struct cost c = step_cost(s);
		double flops = c.flops / peak_of(s, rates), bytes = c.bytes / rates->triad;

		row->least += (flops > bytes ? flops : bytes) * part->times;
		row->calls += part->times;
		row->seconds += s->seconds / steps;
		row->flops += c.flops * part->times;
		row->bytes += c.bytes * part->times;
	}
}

int trainer_op_times(struct trainer *t, int steps, const struct device_rates *rates,
		     struct op_time **out)
{
	struct part part[PLANS];
	struct op_time *list;
	int nr = 0;

	list = calloc(kernel_table()->nr + 1, sizeof(*list));
	if (!list)
		return fail_nomem(kernel_table()->nr * sizeof(*list), "a table of kernels");
	parts_of(t, part);
	for (int i = 0; i < PLANS; i++)
		add_part(&part[i], steps, rates, list, &nr);
	qsort(list, nr, sizeof(*list), slower);
	*out = list;
	return nr;
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
	double flops = c.flops / (SHARE_FLOPS * peak_of(s, r));
	double bytes = c.bytes / (SHARE_BYTES * r->triad);

	return CALL_SECONDS + (flops > bytes ? flops : bytes);
}

double trainer_predict(struct trainer *t, const struct device_rates *r)
{
	struct part part[PLANS];
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
