// SPDX-License-Identifier: MIT
/*
 * Recomputation (Chen et al. 2016, "Training deep nets with sublinear memory cost"):
 * forward values inside a group (a layer) are dropped after the forward pass and
 * computed again, by clones of their nodes, just before the backward pass reads them.
 * The clones have the same ops, attributes and RNG keys, hence the same bits.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "tensor/graph.h"

struct recompute {
	struct graph *g;
	struct tensor **clone;	/* by id of the original, NULL: none yet */
	bool *keep;		/* by id: crosses a group's border, stays in memory */
	int nr;			/* tensors that existed when the pass began */
	struct node **order;	/* the new node list */
	int nr_order, cap_order;
};

/* Values that leave their group are what the recomputation starts from. */
static void mark_kept(struct recompute *r)
{
	for (int i = 0; i < r->nr; i++) {
		const struct tensor *t = r->g->tensors[i];

		r->keep[i] = !t->producer || t->producer->is_backward || !t->producer->group ||
			     t->is_output || t->root->kind != TENSOR_NODE;
	}
	for (int i = 0; i < r->g->nr_nodes; i++) {
		const struct node *n = r->g->nodes[i];

		for (int k = 0; k < n->nr_in && !n->is_backward; k++)
			if (n->in[k] && n->in[k]->producer && n->in[k]->producer->group != n->group)
				r->keep[n->in[k]->id] = true;
	}
}

static int append(struct recompute *r, struct node *n)
{
	if (r->nr_order == r->cap_order) {
		int cap = r->cap_order ? 2 * r->cap_order : 256;
		struct node **bigger = realloc(r->order, cap * sizeof(*bigger));

		if (!bigger)
			return fail_nomem(cap * sizeof(*bigger), "recomputation");
		r->order = bigger;
		r->cap_order = cap;
	}
	n->id = r->nr_order;
	r->order[r->nr_order++] = n;
	return 0;
}

static struct tensor *recomputed(struct recompute *r, struct tensor *t);

/* Clone the node that makes @t, after clones of what it needs. */
static int clone_producer(struct recompute *r, const struct node *n)
{
	struct tensor *in[MAX_IN] = { NULL };
	struct node *copy;

	for (int k = 0; k < n->nr_in; k++) {
		if (!n->in[k])
			continue;
		in[k] = recomputed(r, n->in[k]);
		if (!in[k])
			return -ENOMEM;
	}
	copy = graph_node(r->g, n->op, n->attr, in, n->nr_in);
	if (!copy)
		return graph_error(r->g);
	copy->is_backward = true;
	for (int o = 0; o < n->nr_out; o++)
		r->clone[n->out[o]->id] = copy->out[o];
	return append(r, copy);
}

static struct tensor *recomputed(struct recompute *r, struct tensor *t)
{
	if (t->id >= r->nr || r->keep[t->id])
		return t;
	if (!r->clone[t->id] && clone_producer(r, t->producer))
		return NULL;
	return r->clone[t->id];
}

/* A view of a value that is now recomputed looks into the clone's storage. */
static void follow_roots(struct node *n)
{
	for (int o = 0; o < n->nr_out; o++)
		if (n->op->flags & OP_VIEW)
			n->out[o]->root = n->in[0]->root;
}

static int rewrite(struct recompute *r, int nr_nodes)
{
	for (int i = 0; i < nr_nodes; i++) {
		struct node *n = r->g->nodes[i];
		int ret;

		for (int k = 0; n->is_backward && k < n->nr_in; k++) {
			if (!n->in[k])
				continue;
			n->in[k] = recomputed(r, n->in[k]);
			if (!n->in[k])
				return graph_error(r->g) ? graph_error(r->g) : -ENOMEM;
		}
		follow_roots(n);
		ret = append(r, n);
		if (ret)
			return ret;
	}
	for (int i = 0; i < r->g->nr_weight_grads; i++) {
		struct weight_grad *w = &r->g->weight_grads[i];

		if (w->input->id < r->nr && r->clone[w->input->id])
			w->input = r->clone[w->input->id];
	}
	return 0;
}

int graph_recompute(struct graph *g)
{
	struct recompute r = { .g = g, .nr = g->nr_tensors };
	int nr_nodes = g->nr_nodes, ret = -ENOMEM;

	r.clone = calloc(r.nr, sizeof(*r.clone));
	r.keep = calloc(r.nr, sizeof(*r.keep));
	if (!r.clone || !r.keep) {
		fail_nomem(r.nr * sizeof(*r.clone), "recomputation");
		goto out;
	}
	mark_kept(&r);
	g->in_backward = true;
	graph_scope(g, "recompute");
	ret = rewrite(&r, nr_nodes);
	graph_scope(g, "%s", "");
	g->in_backward = false;
	if (ret)
		goto out;
	free(g->nodes);
	g->nodes = r.order;
	g->nr_nodes = r.nr_order;
	g->cap_nodes = r.cap_order;
	r.order = NULL;
out:
	free(r.order);
	free(r.clone);
	free(r.keep);
	return ret;
}
