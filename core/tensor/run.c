// SPDX-License-Identifier: MIT
/*
 * Running a plan.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "tensor/plan.h"

int plan_set_extent(struct plan *p, int extent, int64_t value)
{
	struct graph *g = p->graph;

	BUG_ON(extent < 0 || extent >= g->nr_extents);
	if (value < 1 || value > g->extent_max[extent])
		return fail(-EINVAL, "extent '%s' is %lld: planned for 1 to %lld",
			    g->extent_name[extent], (long long)value,
			    (long long)g->extent_max[extent]);
	if (g->extent_now[extent] != value)
		p->bound = false;
	g->extent_now[extent] = value;
	return 0;
}

static int resolve(struct plan *p)
{
	int ret;

	if (p->bound)
		return 0;
	ret = graph_resolve(p->graph);
	p->bound = !ret;
	return ret;
}

static struct tensor *storage(const struct tensor *t)
{
	struct tensor *root = t->root;

	while (root != root->root)
		root = root->root;
	return root;
}

static char *address(const struct tensor *t)
{
	const struct tensor *root = storage(t);

	return root->buffer ? (char *)root->buffer->address + root->offset +
			      t->now.offset * (int64_t)dtype_size(t->now.dtype) : NULL;
}

static int fill_call(const struct plan *p, const struct step *s, struct call *c)
{
	const struct node *n = s->node;

	c->op = n->op;
	c->attr = n->attr;
	c->nr_in = n->nr_in;
	c->nr_out = n->nr_out;
	for (int i = 0; i < n->op->nr_in; i++) {
		const struct tensor *t = i < n->nr_in ? n->in[i] : NULL;

		c->in[i] = t ? t->now : (struct layout){ .nd = -1 };
		c->in_data[i] = t ? address(t) : NULL;
		if (t && !c->in_data[i])
			return fail(-EINVAL, "%s: input '%s' is not bound to memory", n->name,
				    t->name);
	}
	for (int o = 0; o < n->nr_out; o++) {
		c->out[o] = n->out[o]->now;
		c->out_data[o] = address(n->out[o]);
		if (!c->out_data[o])
			return fail(-EINVAL, "%s: '%s' is not bound to memory", n->name,
				    n->out[o]->name);
	}
	c->scratch_bytes = s->scratch_bytes;
	c->scratch = s->scratch_bytes ? (char *)p->arena->address + s->scratch_offset : NULL;
	return 0;
}

static int call_kernel(struct plan *p, const struct step *s)
{
	struct call c;
	int ret = fill_call(p, s, &c);

	BUG_ON(!ret && s->kernel->scratch && s->kernel->scratch(&c) > s->scratch_bytes);
	if (!ret)
		ret = p->device->arch->run(p->device, NULL, s->kernel, &c);
	return ret ? fail_in(ret, "%s", s->node->name) : 0;
}

static int run_step(struct plan *p, struct step *s)
{
	double start;
	int ret;

	if (!p->timed)
		return call_kernel(p, s);
	start = clock_seconds();
	ret = call_kernel(p, s);
	if (!ret)
		ret = device_sync(p->device);
	s->seconds += clock_seconds() - start;
	return ret;
}

void plan_timing(struct plan *p, bool on)
{
	for (int i = 0; i < p->nr_steps; i++)
		p->steps[i].seconds = 0;
	p->timed = on;
}

int plan_run(struct plan *p)
{
	int ret = resolve(p);

	BUG_ON(p->is_dry);
	for (int i = 0; i < p->nr_steps && !ret; i++)
		ret = run_step(p, &p->steps[i]);
	return ret;
}

/* @op: what made @t; NULL: it was there before. @inf_too: Inf is as bad as NaN. */
static int check_finite(const struct tensor *t, const struct op *op, bool inf_too)
{
	int64_t count = layout_count(&t->now);
	size_t bytes = layout_bytes(&t->now);
	void *host;
	int ret;

	if (!dtype_info(t->now.dtype)->roundoff)
		return 0;
	host = malloc(bytes);
	if (!host)
		return fail_nomem(bytes, "a check for NaN");
	ret = tensor_read(t, host, bytes);
	for (int64_t i = 0; i < count && !ret; i++) {
		double v = dtype_get(t->now.dtype, host, i);

		if (!isnan(v) && !(isinf(v) && inf_too))
			continue;
		ret = op ? fail(-EDOM, "op '%s' made %s in tensor '%s' (element %lld of %lld)",
				op->name, isnan(v) ? "NaN" : "Inf", t->name, (long long)i,
				(long long)count)
			 : fail(-EDOM, "%s was in parameter '%s' before (element %lld of %lld): "
				"the update before, or where the weights came from, made it",
				isnan(v) ? "NaN" : "Inf", t->name, (long long)i,
				(long long)count);
	}
	free(host);
	return ret;
}

/* Else the first op that reads a bad parameter would be blamed. */
static int check_parameters(const struct plan *p)
{
	int ret = 0;

	for (int i = 0; i < p->graph->nr_tensors && !ret; i++)
		if (p->graph->tensors[i]->kind == TENSOR_PARAM && p->graph->tensors[i]->buffer)
			ret = check_finite(p->graph->tensors[i], NULL, true);
	return ret;
}

/*
 * First outputs must be finite; secondary ones (softmax statistics) may hold -inf for a
 * row with nothing to attend to, but never NaN.
 */
int plan_run_checked(struct plan *p)
{
	int ret = resolve(p);

	if (!ret)
		ret = check_parameters(p);
	for (int i = 0; i < p->nr_steps && !ret; i++) {
		ret = run_step(p, &p->steps[i]);
		for (int o = 0; o < p->steps[i].node->nr_out && !ret; o++)
			ret = check_finite(p->steps[i].node->out[o], p->steps[i].node->op, !o);
	}
	return ret;
}

struct cost step_cost(const struct step *s)
{
	const struct node *n = s->node;
	struct layout in[MAX_IN], out[MAX_OUT];
	struct cost c = { 0, 0 };

	for (int k = 0; k < MAX_IN; k++)
		in[k] = k < n->nr_in && n->in[k] ? n->in[k]->now : (struct layout){ .nd = -1 };
	for (int o = 0; o < n->nr_out; o++)
		out[o] = n->out[o]->now;
	if (n->op->cost)
		n->op->cost(n->attr, in, out, &c);
	return c;
}

struct cost plan_cost(struct plan *p)
{
	struct cost total = { 0, 0 };

	if (resolve(p))
		return total;
	for (int i = 0; i < p->nr_steps; i++) {
		struct cost c = step_cost(&p->steps[i]);

		total.flops += c.flops;
		total.bytes += c.bytes;
	}
	return total;
}

static size_t place_in_buffer(const struct tensor *t, size_t bytes)
{
	BUG_ON(!layout_contiguous(&t->now) || bytes > (size_t)layout_bytes(&t->now));
	return storage(t)->offset + t->now.offset * dtype_size(t->now.dtype);
}

int tensor_read(const struct tensor *t, void *host, size_t bytes)
{
	if (!storage(t)->buffer)
		return fail(-EINVAL, "tensor '%s' is not bound to memory", t->name);
	return device_read(storage(t)->buffer, place_in_buffer(t, bytes), host, bytes);
}

int tensor_write(struct tensor *t, const void *host, size_t bytes)
{
	if (!storage(t)->buffer)
		return fail(-EINVAL, "tensor '%s' is not bound to memory", t->name);
	return device_write(storage(t)->buffer, place_in_buffer(t, bytes), host, bytes);
}

int tensor_copy(const struct tensor *t, int64_t at, int64_t nr, struct buffer *to, size_t to_at)
{
	size_t size = dtype_size(t->now.dtype);

	BUG_ON(at < 0 || nr < 0 || at + nr > layout_count(&t->now));
	if (!storage(t)->buffer)
		return fail(-EINVAL, "tensor '%s' is not bound to memory", t->name);
	return device_copy(to, to_at, storage(t)->buffer, place_in_buffer(t, nr * size) + at * size,
			   nr * size);
}
