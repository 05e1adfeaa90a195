// SPDX-License-Identifier: MIT
#include "tensor/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/* A chain of blocks: everything of a graph is freed at once. */
struct pool {
	struct pool *next;
	size_t used, size;
	_Alignas(16) char bytes[];
};

#define POOL_BLOCK (1 << 16)

struct graph *graph_new(void)
{
	struct graph *g = calloc(1, sizeof(*g));

	if (!g)
		fail_nomem(sizeof(*g), "a graph");
	return g;
}

void graph_free(struct graph *g)
{
	struct pool *p, *next;

	if (!g)
		return;
	for (p = g->pool; p; p = next) {
		next = p->next;
		free(p);
	}
	free(g->tensors);
	free(g->nodes);
	free(g->weight_grads);
	free(g);
}

void *graph_alloc(struct graph *g, size_t bytes)
{
	struct pool *p = g->pool;
	void *mem;

	bytes = (bytes + 15) & ~(size_t)15;
	if (!p || p->size - p->used < bytes) {
		size_t size = bytes > POOL_BLOCK ? bytes : POOL_BLOCK;

		p = calloc(1, sizeof(*p) + size);
		if (!p) {
			fail_nomem(size, "a graph");
			return NULL;
		}
		p->size = size;
		p->next = g->pool;
		g->pool = p;
	}
	mem = p->bytes + p->used;
	p->used += bytes;
	return mem;
}

const char *graph_strdup(struct graph *g, const char *s)
{
	char *copy = graph_alloc(g, strlen(s) + 1);

	if (copy)
		strcpy(copy, s);
	return copy;
}

void *graph_fail(struct graph *g, int err)
{
	if (!g->error) {
		g->error = err;
		snprintf(g->error_text, sizeof(g->error_text), "%s", fail_message());
	}
	return NULL;
}

int graph_error(const struct graph *g)
{
	return g->error ? fail(g->error, "%s", g->error_text) : 0;
}

/* Make room for one more pointer-sized or larger element in a growing array. */
static int grow(void *array, int nr, int *cap, size_t size)
{
	void **p = array;
	int wanted = *cap ? 2 * *cap : 64;
	void *bigger;

	if (nr < *cap)
		return 0;
	bigger = realloc(*p, wanted * size);
	if (!bigger)
		return fail_nomem(wanted * size, "a graph");
	*p = bigger;
	*cap = wanted;
	return 0;
}

static struct tensor *add_tensor(struct graph *g, const char *name, const struct layout *l)
{
	struct tensor *t = graph_alloc(g, sizeof(*t));

	if (!t || grow(&g->tensors, g->nr_tensors, &g->cap_tensors, sizeof(*g->tensors)))
		return graph_fail(g, -ENOMEM);
	t->name = graph_strdup(g, name);
	t->id = g->nr_tensors;
	t->max = t->now = *l;
	t->root = t;
	g->tensors[g->nr_tensors++] = t;
	return t;
}

int graph_extent(struct graph *g, const char *name, int64_t max)
{
	if (g->nr_extents == MAX_EXTENTS || max < 1) {
		graph_fail(g, fail(-EINVAL, "extent '%s': too many, or maximum %lld below 1",
				   name, (long long)max));
		return 0;
	}
	g->extent_name[g->nr_extents] = graph_strdup(g, name);
	g->extent_max[g->nr_extents] = max;
	g->extent_now[g->nr_extents] = max;
	return g->nr_extents++;
}

struct tensor *graph_tensor(struct graph *g, enum tensor_kind kind, const char *name,
			    enum dtype dtype, int nd, const int64_t *n, const int *extent_ids)
{
	struct layout l;
	struct tensor *t;

	if (g->error)
		return NULL;
	for (int d = 0; d < nd; d++)
		if (n[d] < 1)
			return graph_fail(g, fail(-EINVAL, "tensor '%s': size %lld", name,
						  (long long)n[d]));
	l = layout_make(dtype, nd, n);
	t = add_tensor(g, name, &l);
	if (!t)
		return NULL;
	t->kind = kind;
	for (int d = 0; extent_ids && d < nd; d++)
		t->extent[d] = (uint8_t)(extent_ids[d] + 1);
	return t;
}

void tensor_bind(struct tensor *t, struct buffer *buf, size_t offset)
{
	BUG_ON(t->kind == TENSOR_NODE || t->root != t);
	BUG_ON(offset + layout_bytes(&t->max) > buf->bytes);
	t->buffer = buf;
	t->offset = offset;
}

void graph_scope(struct graph *g, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(g->scope, sizeof(g->scope), fmt, ap);
	va_end(ap);
}

void graph_output(struct tensor *t)
{
	if (t)
		t->is_output = true;
}

/*
 * How many nodes behind each other in this scope have the name already?  Names repeat
 * only inside a scope, and the nodes of a scope stand together.
 */
static int count_namesakes(const struct graph *g, const char *name, size_t scope)
{
	size_t len = strlen(name);
	int count = 0;

	for (int i = g->nr_nodes - 1; i >= 0 && !strncmp(g->nodes[i]->name, name, scope); i--) {
		const char *other = g->nodes[i]->name;

		count += !strncmp(other, name, len) && (!other[len] || other[len] == '#');
	}
	return count;
}

/* "h.3/add", the second one "h.3/add#2". */
static const char *node_name(struct graph *g, const struct op *op)
{
	char text[256];
	int scope, count;

	scope = snprintf(text, sizeof(text), "%s%s%s", g->in_backward ? "backward/" : "",
			 g->scope, *g->scope ? "/" : "");
	snprintf(text + scope, sizeof(text) - scope, "%s", op->name);
	count = count_namesakes(g, text, scope);
	if (count)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "#%d", count + 1);
	return graph_strdup(g, text);
}

/* An input that the op wants contiguous and that is not: copy it first. */
static struct tensor *repair_input(struct graph *g, const struct op *op, int i, struct tensor *t)
{
	if (!t || op->strided_in & 1u << i || op->flags & OP_VIEW || layout_contiguous(&t->max))
		return t;
	return graph_op(g, op_find("contiguous"), NULL, &t, 1);
}

static int infer_layouts(const struct node *n, bool now, struct layout *out)
{
	struct layout in[MAX_IN];

	for (int i = 0; i < MAX_IN; i++)	/* n->in is NULL beyond nr_in, too */
		in[i] = n->in[i] ? (now ? n->in[i]->now : n->in[i]->max)
				 : (struct layout){ .nd = -1 };
	return n->op->infer(n->attr, in, n->nr_in, out);
}

static int check_inputs(const struct op *op, struct tensor *const *in, int nr_in)
{
	if (nr_in > op->nr_in)
		return fail(-EINVAL, "op '%s' takes %d inputs, not %d", op->name, op->nr_in, nr_in);
	for (int i = 0; i < op->nr_in; i++) {
		if ((i >= nr_in || !in[i]) && !(op->optional_in & 1u << i))
			return fail(-EINVAL, "op '%s': input %d is missing", op->name, i);
		if (i < nr_in && in[i] && in[i]->is_stale)
			return fail(-EINVAL, "op '%s': input '%s' was updated in place: use "
				    "what the update returned", op->name, in[i]->name);
	}
	return 0;
}

/* Which storage an output lies in: its own, that of a view's source, of what it updates. */
static void place_output(struct node *n, int o)
{
	if (n->op->flags & OP_VIEW) {
		n->out[o]->root = n->in[0]->root;
	} else if (n->op->updates[o] && n->in[n->op->updates[o] - 1]) {
		n->out[o]->root = n->in[n->op->updates[o] - 1]->root;
		n->in[n->op->updates[o] - 1]->is_stale = true;
	}
}

static struct node *new_node(struct graph *g, const struct op *op, const void *attr)
{
	struct node *n = graph_alloc(g, sizeof(*n));

	if (!n || grow(&g->nodes, g->nr_nodes, &g->cap_nodes, sizeof(*g->nodes)))
		return NULL;
	n->op = op;
	n->name = node_name(g, op);
	n->group = g->group;
	n->is_backward = g->in_backward;
	if (op->attr_size) {
		n->attr = graph_alloc(g, op->attr_size);
		if (!n->attr)
			return NULL;
		memcpy(n->attr, attr, op->attr_size);
	}
	return n;
}

static int add_outputs(struct graph *g, struct node *n)
{
	struct layout out[MAX_OUT];
	int ret;

	memset(out, 0, sizeof(out));
	ret = infer_layouts(n, false, out);
	if (ret)
		return fail_in(ret, "%s", n->name);
	n->nr_out = n->op->nr_out;
	for (int o = 0; o < n->nr_out; o++) {
		char name[280];

		snprintf(name, sizeof(name), o ? "%s:%d" : "%s", n->name, o);
		n->out[o] = add_tensor(g, name, &out[o]);
		if (!n->out[o])
			return -ENOMEM;
		n->out[o]->producer = n;
		place_output(n, o);
	}
	return 0;
}

struct node *graph_node(struct graph *g, const struct op *op, const void *attr,
			struct tensor *const *in, int nr_in)
{
	struct node *n;
	int ret;

	if (g->error)
		return NULL;
	BUG_ON(!op);
	ret = check_inputs(op, in, nr_in);
	if (ret)
		return graph_fail(g, ret);
	n = new_node(g, op, attr);
	if (!n)
		return graph_fail(g, -ENOMEM);
	n->nr_in = nr_in;
	for (int i = 0; i < nr_in; i++) {
		n->in[i] = repair_input(g, op, i, in[i]);
		if (in[i] && !n->in[i])
			return NULL;
	}
	ret = add_outputs(g, n);
	if (ret)
		return graph_fail(g, ret);
	n->id = g->nr_nodes;
	if (grow(&g->nodes, g->nr_nodes, &g->cap_nodes, sizeof(*g->nodes)))
		return graph_fail(g, -ENOMEM);
	g->nodes[g->nr_nodes++] = n;
	return n;
}

struct tensor *graph_op(struct graph *g, const struct op *op, const void *attr,
			struct tensor *const *in, int nr_in)
{
	struct node *n = graph_node(g, op, attr, in, nr_in);

	return n ? n->out[0] : NULL;
}

/* Layouts of a whole graph at its current extents. */
int graph_resolve(struct graph *g)
{
	for (int i = 0; i < g->nr_tensors; i++) {
		struct tensor *t = g->tensors[i];
		int64_t n[MAX_DIMS];

		if (t->kind == TENSOR_NODE)
			continue;
		for (int d = 0; d < t->max.nd; d++)
			n[d] = t->extent[d] ? g->extent_now[t->extent[d] - 1] : t->max.n[d];
		t->now = layout_make(t->max.dtype, t->max.nd, n);
	}
	for (int i = 0; i < g->nr_nodes; i++) {
		struct layout out[MAX_OUT];
		struct node *n = g->nodes[i];
		int ret;

		memset(out, 0, sizeof(out));
		ret = infer_layouts(n, true, out);
		if (ret)
			return fail_in(ret, "%s at the sizes of this run", n->name);
		for (int o = 0; o < n->nr_out; o++)
			n->out[o]->now = out[o];
	}
	return 0;
}
