// SPDX-License-Identifier: MIT
#include "tensor/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"

#define ALIGN 64	/* bytes: a cache line, and enough for any vector load */

static size_t align_up(size_t bytes)
{
	return (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

/* In-place outputs chain their roots; follow and shorten. */
static struct tensor *root_of(struct tensor *t)
{
	while (t->root != t->root->root)
		t->root = t->root->root;
	return t->root;
}

/* ---- which nodes are run -------------------------------------------------- */

static bool has_effect(const struct node *n)
{
	for (int o = 0; o < n->nr_out; o++) {
		if (n->out[o]->mark || n->out[o]->is_output)
			return true;
		if (n->op->updates[o] && n->out[o]->root->kind != TENSOR_NODE)
			return true;
	}
	return false;
}

/* Mark what is needed, from the last node to the first; count the nodes to run. */
static int mark_live(struct graph *g, bool *live)
{
	int nr = 0;

	for (int i = 0; i < g->nr_tensors; i++)
		g->tensors[i]->mark = 0;
	for (int i = g->nr_nodes - 1; i >= 0; i--) {
		const struct node *n = g->nodes[i];

		live[i] = has_effect(n);
		for (int k = 0; live[i] && k < n->nr_in; k++)
			if (n->in[k])
				n->in[k]->mark = 1;
		nr += live[i] && !(n->op->flags & OP_VIEW);
	}
	return nr;
}

static void maximal_call(const struct node *n, struct call *c)
{
	memset(c, 0, sizeof(*c));
	c->op = n->op;
	c->attr = n->attr;
	c->nr_in = n->nr_in;
	c->nr_out = n->nr_out;
	for (int i = 0; i < MAX_IN; i++)
		c->in[i] = n->in[i] ? n->in[i]->max : (struct layout){ .nd = -1 };
	for (int o = 0; o < n->nr_out; o++)
		c->out[o] = n->out[o]->max;
}

static int choose_kernels(struct plan *p, const bool *live)
{
	for (int i = 0; i < p->graph->nr_nodes; i++) {
		struct node *n = p->graph->nodes[i];
		struct step *s = &p->steps[p->nr_steps];
		struct call c;

		if (!live[i] || n->op->flags & OP_VIEW)
			continue;
		maximal_call(n, &c);
		s->node = n;
		s->kernel = kernel_choose(&c, p->device);
		if (!s->kernel)
			return fail_in(-EOPNOTSUPP, "%s", n->name);
		if (s->kernel->scratch)
			s->scratch_bytes = s->kernel->scratch(&c);
		p->nr_steps++;
	}
	return 0;
}

/* ---- places in the arena ---------------------------------------------------- */

/* Life of a root: from the step that makes it to the last one that reads it. */
struct life {
	struct tensor *root;
	int first, last;
	size_t bytes, at;
};

static void touch(struct life *lives, struct tensor *t, int step)
{
	struct life *l = &lives[root_of(t)->id];

	if (l->first < 0)
		l->first = step;
	l->last = step;
}

static void find_lives(struct plan *p, struct life *lives)
{
	struct graph *g = p->graph;

	for (int i = 0; i < g->nr_tensors; i++)
		lives[i] = (struct life){ .root = g->tensors[i], .first = -1, .last = -1 };
	for (int s = 0; s < p->nr_steps; s++) {
		const struct node *n = p->steps[s].node;

		for (int k = 0; k < n->nr_in; k++)
			if (n->in[k])
				touch(lives, n->in[k], s);
		for (int o = 0; o < n->nr_out; o++)
			touch(lives, n->out[o], s);
	}
	for (int i = 0; i < g->nr_tensors; i++)
		if (g->tensors[i]->is_output)
			lives[root_of(g->tensors[i])->id].last = p->nr_steps;
}

/* May output @o of step @s live where input @k lies? */
static bool can_reuse(const struct node *n, int o, int k, const struct life *lives, int s)
{
	struct tensor *in = n->in[k], *root;

	if (!in || n->out[o]->root != n->out[o])
		return false;
	root = root_of(in);
	if (root->kind != TENSOR_NODE || lives[root->id].last != s || in->max.offset ||
	    !layout_contiguous(&in->max) || layout_bytes(&in->max) != layout_bytes(&root->max) ||
	    layout_bytes(&in->max) != layout_bytes(&n->out[o]->max))
		return false;
	for (int i = 0; i < n->nr_in; i++)
		if (i != k && n->in[i] && root_of(n->in[i]) == root)
			return false;
	for (int i = 0; i < o; i++)
		if (root_of(n->out[i]) == root)
			return false;
	return true;
}

static void reuse_in_place(struct plan *p, struct life *lives)
{
	for (int s = 0; s < p->nr_steps; s++) {
		const struct node *n = p->steps[s].node;

		for (int o = 0; o < n->nr_out; o++) {
			int k = n->op->inplace[o] - 1;
			struct life *to, *from;

			if (k < 0 || k >= n->nr_in || !can_reuse(n, o, k, lives, s))
				continue;
			to = &lives[root_of(n->in[k])->id];
			from = &lives[n->out[o]->id];
			to->last = from->last;
			n->out[o]->root = to->root;
			from->first = -1;
		}
	}
}

static int by_size(const void *a, const void *b)
{
	const struct life *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->root->id - y->root->id;
}

static int by_place(const void *a, const void *b)
{
	const struct life *x = *(struct life *const *)a, *y = *(struct life *const *)b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* The lowest gap that is free during the whole life of @l, among @nr placed ones. */
static size_t find_gap(const struct life *l, struct life *const *placed, int nr)
{
	size_t at = 0;

	for (int i = 0; i < nr; i++) {
		const struct life *other = placed[i];

		if (other->last < l->first || other->first > l->last)
			continue;
		if (at + l->bytes <= other->at)
			break;
		if (other->at + other->bytes > at)
			at = other->at + other->bytes;
	}
	return at;
}

/* Largest first, each in the lowest gap (greedy by size); returns the arena's bytes. */
static size_t place_lives(struct life *lives, int nr, struct life **placed)
{
	size_t end = 0;

	qsort(lives, nr, sizeof(*lives), by_size);
	for (int i = 0; i < nr; i++) {
		struct life *l = &lives[i];
		int at = i;

		l->at = find_gap(l, placed, i);
		while (at && by_place(&placed[at - 1], &l) > 0) {
			placed[at] = placed[at - 1];
			at--;
		}
		placed[at] = l;
		if (l->at + l->bytes > end)
			end = l->at + l->bytes;
	}
	return end;
}

static void place_scratch(struct plan *p)
{
	size_t most = 0;

	for (int s = 0; s < p->nr_steps; s++) {
		p->steps[s].scratch_offset = p->arena_bytes;
		if (p->steps[s].scratch_bytes > most)
			most = p->steps[s].scratch_bytes;
	}
	p->arena_bytes += align_up(most);
}

static int place_all(struct plan *p)
{
	struct graph *g = p->graph;
	struct life *lives = calloc(g->nr_tensors + 1, sizeof(*lives));
	struct life **placed = calloc(g->nr_tensors + 1, sizeof(*placed));
	int nr = 0;

	if (!lives || !placed) {
		free(lives);
		free(placed);
		return fail_nomem(g->nr_tensors * sizeof(*lives), "a plan");
	}
	find_lives(p, lives);
	reuse_in_place(p, lives);
	for (int i = 0; i < g->nr_tensors; i++) {
		struct tensor *t = g->tensors[i];

		if (t->kind != TENSOR_NODE || root_of(t) != t || lives[i].first < 0)
			continue;
		lives[nr] = lives[i];
		lives[nr++].bytes = align_up(layout_bytes(&t->max));
	}
	p->arena_bytes = place_lives(lives, nr, placed);
	for (int i = 0; i < nr; i++)
		lives[i].root->offset = lives[i].at;
	place_scratch(p);
	free(lives);
	free(placed);
	return 0;
}

/* ---- making a plan ----------------------------------------------------------- */

static int allocate_arena(struct plan *p)
{
	struct tensor *largest = NULL;
	int ret = device_alloc(p->device, p->arena_bytes, "intermediate tensors", &p->arena);
	char text[SHAPE_TEXT];

	for (int i = 0; i < p->graph->nr_tensors; i++) {
		struct tensor *t = p->graph->tensors[i];

		if (t->kind != TENSOR_NODE)
			continue;
		if (root_of(t) == t)
			t->buffer = p->arena;
		if (!largest || layout_bytes(&t->max) > layout_bytes(&largest->max))
			largest = t;
	}
	if (!ret)
		return 0;
	return fail(ret, "%s; the largest is '%s', %s: lower the batch or the context",
		    fail_message(), largest ? largest->name : "none",
		    largest ? layout_text(&largest->max, text) : "");
}

static int make_plan(struct plan *p)
{
	struct graph *g = p->graph;
	bool *live = calloc(g->nr_nodes + 1, sizeof(*live));
	int nr, ret;

	if (!live)
		return fail_nomem(g->nr_nodes, "a plan");
	nr = mark_live(g, live);
	p->steps = calloc(nr + 1, sizeof(*p->steps));
	ret = p->steps ? choose_kernels(p, live) : fail_nomem(nr * sizeof(*p->steps), "a plan");
	free(live);
	if (!ret)
		ret = place_all(p);
	if (!ret && !p->is_dry)
		ret = allocate_arena(p);
	return ret;
}

static bool chosen_before(const struct plan *p, int step)
{
	for (int s = 0; s < step; s++)
		if (p->steps[s].kernel == p->steps[step].kernel)
			return true;
	return false;
}

/* For --verbose: what was chosen, the first node of each kernel. */
static void say(const struct plan *p)
{
	char text[SHAPE_TEXT];

	log_debug("plan for %s: %d nodes, %zu bytes of intermediates", p->device->arch->name,
		  p->nr_steps, p->arena_bytes);
	for (int s = 0; s < p->nr_steps; s++) {
		const struct node *n = p->steps[s].node;

		if (!chosen_before(p, s))
			log_debug("%s runs on %s, as '%s', %s", n->op->name,
				  p->steps[s].kernel->name, n->name,
				  layout_text(&n->out[0]->max, text));
	}
}

int graph_plan(struct graph *g, struct device *dev, bool dry, struct plan **plan)
{
	struct plan *p;
	int ret = graph_error(g);

	if (ret)
		return ret;
	BUG_ON(g->is_planned);
	p = calloc(1, sizeof(*p));
	if (!p)
		return fail_nomem(sizeof(*p), "a plan");
	g->is_planned = true;
	p->graph = g;
	p->device = dev;
	p->is_dry = dry;
	ret = make_plan(p);
	if (ret) {
		plan_free(p);
	} else {
		say(p);
		*plan = p;
	}
	return ret;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (int i = 0; i < p->graph->nr_tensors; i++)
		if (p->graph->tensors[i]->kind == TENSOR_NODE)
			p->graph->tensors[i]->buffer = NULL;
	p->graph->is_planned = false;
	buffer_free(p->arena);
	free(p->steps);
	free(p);
}

static int by_kernel(const void *a, const void *b)
{
	const struct kernel *x = ((const struct step *)a)->kernel;
	const struct kernel *y = ((const struct step *)b)->kernel;
	int c = strcmp(x->op, y->op);

	return c ? c : strcmp(x->name, y->name);
}

void plan_kernels(const struct plan *p, FILE *f)
{
	struct step *sorted = calloc(p->nr_steps + 1, sizeof(*sorted));

	if (!sorted)
		return;
	memcpy(sorted, p->steps, p->nr_steps * sizeof(*sorted));
	qsort(sorted, p->nr_steps, sizeof(*sorted), by_kernel);
	for (int i = 0; i < p->nr_steps; i++)
		if (!i || sorted[i].kernel != sorted[i - 1].kernel)
			fprintf(f, "%s %s\n", sorted[i].kernel->op, sorted[i].kernel->name);
	free(sorted);
}
