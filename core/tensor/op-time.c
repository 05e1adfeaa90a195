// SPDX-License-Identifier: MIT
#include "tensor/op-time.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

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

double step_peak(const struct step *s, const struct device_rates *r)
{
	const struct tensor *first = s->node->nr_in ? s->node->in[0] : NULL;

	return rates_peak(r, first ? &first->now : NULL);
}

static void add_part(const struct op_time_part *part, int steps, const struct device_rates *rates,
		     struct op_time *list, int *nr)
{
	for (int i = 0; part->plan && i < part->plan->nr_steps; i++) {
		const struct step *s = &part->plan->steps[i];
		struct op_time *row = find(list, nr, s->kernel);
		struct cost c = step_cost(s);
		double flops = c.flops / step_peak(s, rates), bytes = c.bytes / rates->triad;

		row->least += (flops > bytes ? flops : bytes) * part->times;
		row->calls += part->times;
		row->seconds += s->seconds / steps;
		row->flops += c.flops * part->times;
		row->bytes += c.bytes * part->times;
	}
}

int op_times(const struct op_time_part *part, int nr_parts, int steps,
	     const struct device_rates *rates, struct op_time **out)
{
	struct op_time *list = calloc(kernel_table()->nr + 1, sizeof(*list));
	int nr = 0;

	if (!list)
		return fail_nomem(kernel_table()->nr * sizeof(*list), "a table of kernels");
	for (int i = 0; i < nr_parts; i++)
		add_part(&part[i], steps, rates, list, &nr);
	qsort(list, nr, sizeof(*list), slower);
	*out = list;
	return nr;
}
