// SPDX-License-Identifier: MIT
/*
 * Reverse-mode differentiation: walk the nodes backwards, let each op's rule append
 * gradient nodes, and sum what arrives at each tensor in the order of arrival.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "tensor/graph.h"

/* One contribution to the gradient of a tensor. */
struct part {
	struct part *next;
	struct tensor *grad;
	int dim;		/* -1: the whole tensor; else a slice along dim */
	int64_t start;
};

/* What is known of the gradient of one tensor. */
struct gradient {
	struct part *first, **last;
	struct tensor *slot;	/* params: newest version of the bound gradient */
	bool slot_used;		/* something of this pass is in the slot already */
	bool needed;
};

struct backward {
	struct graph *g;
	const struct backward_options *opts;
	struct gradient *of;	/* by tensor id */
	int nr;			/* tensors that existed when the pass began */
};

struct graph *backward_graph(struct backward *b)
{
	return b->g;
}

bool backward_needs(struct backward *b, const struct tensor *t)
{
	return t && t->id < b->nr && b->of[t->id].needed;
}

/* Ops that the pass itself uses are found by name: core/tensor knows no op. */
static struct tensor *apply(struct graph *g, const char *name, const void *attr, size_t attr_size,
			    struct tensor *const *in, int nr_in)
{
	const struct op *op = op_find(name);
	static const char zero[64];

	BUG_ON(!op || (attr && op->attr_size != attr_size) || op->attr_size > sizeof(zero));
	return graph_op(g, op, attr ? attr : zero, in, nr_in);
}

/* @grad as @type: a sum is taken in the type of its tensor. */
static struct tensor *as_type(struct graph *g, struct tensor *grad, enum dtype type)
{
	return grad->max.dtype == type ? grad
				       : apply(g, "cast", &type, sizeof(type), &grad, 1);
}

/* Gradients of weights are f32, whatever type the weights are multiplied in. */
static enum dtype gradient_type(const struct tensor *t)
{
	return t->kind == TENSOR_PARAM ? DT_F32 : t->max.dtype;
}

static void add_part(struct backward *b, struct tensor *t, struct tensor *grad, int dim,
		     int64_t start)
{
	struct gradient *to;
	struct part *p;

	if (!grad || !backward_needs(b, t))
		return;
	grad = as_type(b->g, grad, gradient_type(t));
	p = graph_alloc(b->g, sizeof(*p));
	if (!p || !grad) {
		graph_fail(b->g, -ENOMEM);
		return;
	}
	to = &b->of[t->id];
	*p = (struct part){ .grad = grad, .dim = dim, .start = start };
	*to->last = p;
	to->last = &p->next;
}

void backward_add(struct backward *b, struct tensor *t, struct tensor *grad)
{
	if (grad && backward_needs(b, t) && !layout_same_shape(&t->max, &grad->max)) {
		char want[SHAPE_TEXT], got[SHAPE_TEXT];

		graph_fail(b->g, fail(-EINVAL, "gradient of '%s' is %s but the tensor is %s",
				      t->name, layout_text(&grad->max, got),
				      layout_text(&t->max, want)));
		return;
	}
	add_part(b, t, grad, -1, 0);
}

void backward_add_slice(struct backward *b, struct tensor *t, int dim, int64_t start,
			struct tensor *grad)
{
	add_part(b, t, grad, dim, start);
}

bool backward_slot(struct backward *b, struct tensor *w, struct tensor **prev,
		   struct tensor **flag)
{
	struct gradient *of = &b->of[w->id];

	*prev = *flag = NULL;
	if (w->kind != TENSOR_PARAM || !w->grad)
		return false;
	*prev = of->slot ? of->slot : w->grad;
	*flag = b->opts->accumulate;
	return of->slot_used;
}

void backward_slot_done(struct backward *b, struct tensor *w, struct tensor *updated)
{
	b->of[w->id].slot = updated;
	b->of[w->id].slot_used = true;
}

enum tap_action backward_tap(struct backward *b, struct tensor *w, struct tensor *x,
			     struct tensor *dy)
{
	if (!b->opts->tap)
		return TAP_KEEP;
	return b->opts->tap(b->opts->tap_ctx, b->g, w, x, dy);
}

void backward_record(struct backward *b, struct tensor *w, struct tensor *x,
		     struct tensor *dy, struct node *node)
{
	struct graph *g = b->g;

	if (g->nr_weight_grads == g->cap_weight_grads) {
		int cap = g->cap_weight_grads ? 2 * g->cap_weight_grads : 64;
		void *bigger = realloc(g->weight_grads, cap * sizeof(*g->weight_grads));

		if (!bigger) {
			graph_fail(g, fail_nomem(cap * sizeof(*g->weight_grads), "a graph"));
			return;
		}
		g->weight_grads = bigger;
		g->cap_weight_grads = cap;
	}
	g->weight_grads[g->nr_weight_grads++] = (struct weight_grad){ w, x, dy, node };
}

void graph_want_grad(struct tensor *t)
{
	if (t)
		t->wants_grad = true;
}

static struct tensor *add_two(struct graph *g, struct tensor *a, struct tensor *c)
{
	struct tensor *in[2] = { a, c };

	return a ? apply(g, "add", NULL, 0, in, 2) : c;
}

/*
 * If the slices tile the tensor along one dimension, in order of their start, their
 * concatenation is the gradient: no zeros are added.
 */
static struct tensor *concat_slices(struct graph *g, struct tensor *t, struct part *first)
{
	struct tensor *in[MAX_IN];
	struct slice_place place = { .dim = first->dim };
	int nr = 0, nr_parts = 0;
	int64_t at = 0;

	for (struct part *p = first; p; p = p->next)
		nr_parts++;
	while (at < t->max.n[place.dim]) {
		struct part *p = first;

		while (p && !(p->dim == place.dim && p->start == at))
			p = p->next;
		if (!p || nr == MAX_IN)
			return NULL;
		in[nr++] = p->grad;
		at += p->grad->max.n[place.dim];
	}
	if (nr != nr_parts || at != t->max.n[place.dim])
		return NULL;	/* some overlap, or another dimension */
	return apply(g, "concat", &place, sizeof(place), in, nr);
}

static struct tensor *pad_slices(struct graph *g, struct tensor *t, struct part *first)
{
	struct tensor *sum = NULL;

	for (struct part *p = first; p; p = p->next) {
		struct slice_place place = { p->dim, p->start };
		struct tensor *in[2] = { p->grad, t };

		sum = add_two(g, sum, apply(g, "pad_slice", &place, sizeof(place), in, 2));
	}
	return sum;
}

/* The sum of all contributions so far; NULL if there are none. */
static struct tensor *collect(struct backward *b, struct tensor *t)
{
	struct gradient *of = &b->of[t->id];
	struct part *slices = NULL, **tail = &slices, *next;
	struct tensor *sum = NULL;

	for (struct part *p = of->first; p; p = next) {
		next = p->next;
		if (p->dim < 0) {
			sum = add_two(b->g, sum, p->grad);
			continue;
		}
		p->next = NULL;
		*tail = p;
		tail = &p->next;
	}
	if (slices) {
		struct tensor *joined = concat_slices(b->g, t, slices);

		sum = add_two(b->g, sum, joined ? joined : pad_slices(b->g, t, slices));
	}
	of->first = NULL;
	of->last = &of->first;
	return sum;
}

/* Which tensors' gradients does anybody want? */
static void mark_needed(struct backward *b)
{
	struct graph *g = b->g;

	for (int i = 0; i < b->nr; i++) {
		const struct tensor *t = g->tensors[i];

		b->of[i].last = &b->of[i].first;
		b->of[i].needed = t->wants_grad || (t->kind == TENSOR_PARAM && t->grad);
	}
	for (int i = 0; i < g->nr_nodes; i++) {
		struct node *n = g->nodes[i];
		bool needed = false;

		for (int k = 0; k < n->nr_in; k++)
			needed |= n->in[k] && b->of[n->in[k]->id].needed;
		for (int o = 0; o < n->nr_out; o++)
			b->of[n->out[o]->id].needed |= needed;
	}
}

static void set_scope(struct graph *g, const struct node *n)
{
	const char *end = strrchr(n->name, '/');

	graph_scope(g, "%.*s", end ? (int)(end - n->name) : 0, n->name);
}

/* Let one node pass its outputs' gradients on to its inputs. */
static int visit(struct backward *b, struct node *n)
{
	struct tensor *dout[MAX_OUT] = { NULL };
	bool any = false, needed = false;
	int ret;

	set_scope(b->g, n);
	for (int o = 0; o < n->nr_out; o++) {
		dout[o] = collect(b, n->out[o]);
		any |= dout[o] != NULL;
		if (n->out[o]->wants_grad)
			n->out[o]->grad = dout[o];
	}
	for (int k = 0; k < n->nr_in; k++)
		needed |= backward_needs(b, n->in[k]);
	if (!any || !needed)
		return graph_error(b->g);
	if (!n->op->grad)
		return fail(-EOPNOTSUPP, "%s: op '%s' has no gradient rule", n->name, n->op->name);
	ret = n->op->grad(b, n, dout);
	return ret ? ret : graph_error(b->g);
}

static void accumulate_into(struct backward *b, struct tensor *param, struct tensor *sum)
{
	struct tensor *in[3] = { NULL, sum, NULL };
	bool always_add = backward_slot(b, param, &in[0], &in[2]);

	backward_slot_done(b, param, apply(b->g, "accumulate", &always_add, sizeof(always_add),
					   in, 3));
}

/* What has arrived at a param goes to its bound gradient, at an input to t->grad. */
static int finish_leaf(struct backward *b, struct tensor *t)
{
	struct tensor *sum = collect(b, t);

	if (t->wants_grad)
		t->grad = sum;
	else if (sum && t->kind == TENSOR_PARAM && t->grad)
		accumulate_into(b, t, sum);
	return graph_error(b->g);
}

static int differentiate(struct backward *b, struct tensor *loss)
{
	int nr_nodes = b->g->nr_nodes, ret = 0;
	double one = 1;

	mark_needed(b);
	if (!b->of[loss->id].needed)
		return fail(-EINVAL, "'%s' depends on nothing that wants a gradient", loss->name);
	add_part(b, loss, apply(b->g, "fill_like", &one, sizeof(one), &loss, 1), -1, 0);
	for (int i = nr_nodes - 1; i >= 0 && !ret; i--)
		ret = visit(b, b->g->nodes[i]);
	graph_scope(b->g, "%s", "");
	for (int i = 0; i < b->nr && !ret; i++)
		if (b->g->tensors[i]->kind != TENSOR_NODE && b->of[i].needed)
			ret = finish_leaf(b, b->g->tensors[i]);
	return ret;
}

int graph_backward(struct graph *g, struct tensor *loss, const struct backward_options *opts)
{
	static const struct backward_options none;
	struct backward b = { .g = g, .opts = opts ? opts : &none, .nr = g->nr_tensors };
	int group = g->group, ret = graph_error(g);

	if (ret)
		return ret;
	b.of = calloc(b.nr, sizeof(*b.of));
	if (!b.of)
		return fail_nomem(b.nr * sizeof(*b.of), "differentiation");
	g->in_backward = true;
	g->group = 0;
	ret = differentiate(&b, loss);
	g->in_backward = false;
	g->group = group;
	free(b.of);
	return ret;
}
