// SPDX-License-Identifier: MIT
/*
 * The oracle executor: a graph in fp64, node by node, through the ops' oracles.  For
 * tests; speed is no concern.
 */
#include <stdlib.h>

#include "base/fail.h"
#include "tensor/plan.h"

static struct tensor *storage(struct tensor *t)
{
	while (t != t->root)
		t = t->root;
	return t;
}

static int make_value(double **values, const struct tensor *t)
{
	int64_t count = layout_count(&t->now);

	free(values[t->id]);
	values[t->id] = calloc(count ? count : 1, sizeof(double));
	return values[t->id] ? 0 : fail_nomem(count * sizeof(double), t->name);
}

/* A view: gather from the storage that it looks into. */
static int run_view(const struct node *n, double **values)
{
	struct tensor *out = n->out[0];
	const double *from = values[storage(out)->id];
	int ret = make_value(values, out);

	for (int64_t i = 0; i < layout_count(&out->now) && !ret; i++)
		values[out->id][i] = from[out->now.offset + layout_at(&out->now, i)];
	return ret;
}

/* An output that updates an input in place starts as a copy of it. */
static int prepare_output(const struct node *n, int o, double **values)
{
	int ret = make_value(values, n->out[o]);
	int from = n->op->updates[o] - 1;

	if (ret || from < 0 || from >= n->nr_in || !n->in[from])
		return ret;
	for (int64_t i = 0; i < layout_count(&n->out[o]->now); i++)
		values[n->out[o]->id][i] = values[n->in[from]->id][i];
	return 0;
}

/* ... and goes back to the storage, so that later readers of the root see it. */
static void write_back(const struct node *n, int o, double **values)
{
	const struct tensor *out = n->out[o];
	double *to = values[storage(n->out[o])->id];

	if (to == values[out->id])
		return;
	for (int64_t i = 0; i < layout_count(&out->now); i++)
		to[out->now.offset + layout_at(&out->now, i)] = values[out->id][i];
}

static int run_node(const struct node *n, double **values)
{
	struct oracle_call c = { .attr = n->attr, .nr_in = n->nr_in, .nr_out = n->nr_out };
	int ret = 0;

	if (n->op->flags & OP_VIEW)
		return run_view(n, values);
	for (int i = 0; i < MAX_IN; i++) {
		const struct tensor *t = i < n->nr_in ? n->in[i] : NULL;

		c.in_layout[i] = t ? layout_like(&t->now, t->now.dtype)
				   : (struct layout){ .nd = -1 };
		c.in[i] = t ? values[t->id] : NULL;
	}
	for (int o = 0; o < n->nr_out && !ret; o++) {
		ret = prepare_output(n, o, values);
		c.out_layout[o] = layout_like(&n->out[o]->now, n->out[o]->now.dtype);
		c.out[o] = values[n->out[o]->id];
	}
	if (!ret)
		ret = n->op->oracle(&c);
	for (int o = 0; o < n->nr_out && !ret; o++)
		if (n->op->updates[o])
			write_back(n, o, values);
	return ret;
}

int oracle_run(struct graph *g, double **values)
{
	int ret = graph_resolve(g);

	for (int i = 0; i < g->nr_nodes && !ret; i++) {
		ret = run_node(g->nodes[i], values);
		if (ret)
			fail_in(ret, "oracle of %s", g->nodes[i]->name);
	}
	return ret;
}
