// SPDX-License-Identifier: MIT
/*
 * Planned at larger maxima, run at the exact size: the bits must not differ.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "tests/ops/opcheck.h"
#include "tensor/graph.h"
#include "tensor/plan.h"
#include "tests/ops/values.h"

#define MORE 5	/* how much larger the maxima are */

static _Thread_local char report[1024];

/* A graph of one op, bound and planned. */
struct bench {
	struct graph *g;
	struct plan *plan;
	struct tensor *in[MAX_IN], *out[MAX_OUT];
	struct buffer *buffer[MAX_IN];
};

static void bench_free(struct bench *b)
{
	plan_free(b->plan);
	for (int i = 0; i < MAX_IN; i++)
		buffer_free(b->buffer[i]);
	graph_free(b->g);
	memset(b, 0, sizeof(*b));
}

/* Sizes that are equal in the case are one extent. */
static int extent_of(struct bench *b, int64_t size)
{
	char name[16];

	for (int e = 0; e < b->g->nr_extents; e++)
		if (b->g->extent_max[e] == size + MORE)
			return e;
	snprintf(name, sizeof(name), "e%lld", (long long)size);
	return graph_extent(b->g, name, size + MORE);
}

static int add_input(struct bench *b, const struct case_values *v, struct device *dev, int i,
		     bool larger)
{
	const struct case_input *in = &v->c->in[i];
	int64_t n[MAX_DIMS];
	int ids[MAX_DIMS], ret;
	bool state = false;
	char name[16];

	if (in->nd < 0)
		return 0;
	for (int o = 0; o < v->op->nr_out; o++)
		state |= v->op->updates[o] == i + 1;
	for (int d = 0; d < in->nd; d++) {
		bool extent = larger && in->extent_dims & 1u << d;

		n[d] = extent ? in->n[d] + MORE : in->n[d];
		ids[d] = extent ? extent_of(b, in->n[d]) : -1;
	}
	snprintf(name, sizeof(name), "in%d", i);
	b->in[i] = graph_tensor(b->g, state ? TENSOR_STATE : TENSOR_INPUT, name, in->dtype,
				in->nd, n, ids);
	if (!b->in[i])
		return graph_error(b->g);
	ret = device_alloc(dev, layout_bytes(&b->in[i]->max), "a test", &b->buffer[i]);
	if (!ret)
		tensor_bind(b->in[i], b->buffer[i], 0);
	return ret;
}

static int write_input(struct bench *b, const struct case_values *v, int i)
{
	size_t bytes = layout_bytes(&v->in_layout[i]);
	void *host;
	int ret;

	if (!b->in[i])
		return 0;
	host = values_pack(v, i);
	ret = tensor_write(b->in[i], host, bytes);
	free(host);
	return ret;
}

static int bench_run(struct bench *b, const struct case_values *v, struct device *dev, bool larger)
{
	struct node *n;
	int ret = 0;

	memset(b, 0, sizeof(*b));
	b->g = graph_new();
	for (int i = 0; i < v->c->nr_in && !ret; i++)
		ret = add_input(b, v, dev, i, larger);
	n = ret ? NULL : graph_node(b->g, v->op, v->c->attr, b->in, v->c->nr_in);
	if (!n)
		return ret ? ret : graph_error(b->g);
	for (int o = 0; o < n->nr_out; o++) {
		b->out[o] = n->out[o];
		if (n->op->flags & OP_VIEW)
			b->out[o] = graph_op(b->g, op_find("contiguous"), NULL, &n->out[o], 1);
		graph_output(b->out[o]);
	}
	ret = graph_plan(b->g, dev, false, &b->plan);
	for (int e = 0; e < b->g->nr_extents && !ret; e++)
		ret = plan_set_extent(b->plan, e, b->g->extent_max[e] - MORE);
	if (!ret)
		ret = graph_resolve(b->g);
	for (int i = 0; i < v->c->nr_in && !ret; i++)
		ret = write_input(b, v, i);
	return ret ? ret : plan_run(b->plan);
}

static const char *compare(struct bench *a, struct bench *b, const struct case_values *v)
{
	for (int o = 0; o < v->op->nr_out; o++) {
		size_t bytes = layout_bytes(&a->out[o]->now);
		char *x = malloc(bytes), *y = malloc(bytes);
		bool equal = layout_same_shape(&a->out[o]->now, &b->out[o]->now) &&
			     !tensor_read(a->out[o], x, bytes) &&
			     !tensor_read(b->out[o], y, bytes) && !memcmp(x, y, bytes);

		free(x);
		free(y);
		if (equal)
			continue;
		snprintf(report, sizeof(report), "%s/%s: output %d has other bits when the plan "
			 "is larger than the run", v->op->name, v->c->name, o);
		return report;
	}
	return NULL;
}

const char *opcheck_extents(const struct op *op, const struct op_case *c, struct device *dev)
{
	struct bench exact, larger;
	struct case_values v;
	const char *wrong = NULL;
	unsigned int any = 0;

	for (int i = 0; i < c->nr_in; i++)
		any |= c->in[i].extent_dims;
	if (!any)
		return NULL;
	memset(&exact, 0, sizeof(exact));
	memset(&larger, 0, sizeof(larger));
	if (values_make(&v, op, c) || bench_run(&exact, &v, dev, false) ||
	    bench_run(&larger, &v, dev, true)) {
		snprintf(report, sizeof(report), "%s/%s: %s", op->name, c->name, fail_message());
		wrong = report;
	}
	if (!wrong)
		wrong = compare(&exact, &larger, &v);
	bench_free(&exact);
	bench_free(&larger);
	values_free(&v);
	return wrong;
}
