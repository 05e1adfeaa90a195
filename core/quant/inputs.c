// SPDX-License-Identifier: MIT
/*
 * Activation statistics: the graph of a model with one more branch at the input of each linear
 * layer, which sums up the squares of its columns.
 */
#include "quant/importance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/progress.h"
#include "formats/gguf-names.h"
#include "nn/model.h"
#include "ops/mul.h"
#include "ops/sum-to.h"
#include "tensor/plan.h"

/**
 * struct collector - a graph and what it adds up.
 * @of: (entries) number of the input of each
 * @x, @squares: (inputs) layers that read one tensor share it
 */
struct collector {
	struct model *model;
	struct imatrix_sums *s;
	struct graph *graph;
	struct plan *plan;
	struct buffer *ids, *positions;
	int *of;
	struct tensor **x, **squares;
	int nr_inputs;
	float *host;
	int32_t *tokens;
};

static struct tensor *token_input(struct collector *c, struct device *dev, const char *name,
				  int length, struct buffer **buf)
{
	int64_t n[2] = { 1, length };
	struct tensor *t;

	if (device_alloc(dev, length * sizeof(int32_t), "tokens", buf))
		return NULL;
	t = graph_tensor(c->graph, TENSOR_INPUT, name, DT_I32, 2, n, NULL);
	if (t)
		tensor_bind(t, *buf, 0);
	return t;
}

/* The parameter that linear layer @n multiplies with; NULL: @n is no linear layer. */
static const struct param_info *weight_of(const struct model *m, const struct node *n)
{
	const struct param_info *p;
	char name[128];
	char *part;

	if (n->nr_in < 2 || !n->in[1] || n->in[1]->kind != TENSOR_PARAM)
		return NULL;
	snprintf(name, sizeof(name), "%s", n->in[1]->name);
	p = model_param(m, name);
	part = strrchr(name, '.');
	if (!p && part && !strcmp(part, ".values")) {	/* of a sparse matrix */
		*part = '\0';
		p = model_param(m, name);
	}
	return p && p->kind == WEIGHT_MATRIX ? p : NULL;
}

static int find_input(struct collector *c, struct tensor *x)
{
	int i;

	for (i = 0; i < c->nr_inputs; i++)
		if (c->x[i] == x)
			return i;
	c->x[i] = x;
	c->squares[i] = op_sum_to(c->graph, op_mul(c->graph, x, x), 1);
	if (c->squares[i])
		graph_output(c->squares[i]);
	c->nr_inputs++;
	return i;
}

static int add_layer(struct collector *c, const struct param_info *p, struct tensor *x)
{
	struct imatrix_sum *e = &c->s->of[c->s->nr];
	int ret = gguf_tensor_name(&c->model->spec, p->name, e->name);

	if (ret)
		return ret;
	e->row = p->n[1];
	e->sum = calloc(e->row, sizeof(*e->sum));
	if (!e->sum)
		return fail_nomem(e->row * sizeof(*e->sum), "an importance matrix");
	c->of[c->s->nr++] = find_input(c, x);
	return 0;
}

/* Nodes that are added behind those that there are do not count. */
static int add_layers(struct collector *c)
{
	int nodes = c->graph->nr_nodes, ret = 0;

	c->of = calloc(nodes + 1, sizeof(*c->of));
	c->x = calloc(nodes + 1, sizeof(*c->x));
	c->squares = calloc(nodes + 1, sizeof(*c->squares));
	c->s->of = calloc(nodes + 1, sizeof(*c->s->of));
	if (!c->of || !c->x || !c->squares || !c->s->of)
		return fail_nomem(nodes * sizeof(*c->s->of), "an importance matrix");
	for (int i = 0; i < nodes && !ret; i++) {
		const struct node *n = c->graph->nodes[i];
		const struct param_info *p = weight_of(c->model, n);

		if (p)
			ret = add_layer(c, p, n->in[0]);
	}
	if (!ret && !c->s->nr)
		ret = fail(-EINVAL, "a model without linear layers");
	return ret ? ret : graph_error(c->graph);
}

static int alloc_host(struct collector *c, int length)
{
	int64_t most = length;

	for (int i = 0; i < c->s->nr; i++)
		most = c->s->of[i].row > most ? c->s->of[i].row : most;
	c->host = malloc(most * sizeof(*c->host));
	c->tokens = malloc(length * sizeof(*c->tokens));
	return c->host && c->tokens ? 0 : fail_nomem(most * sizeof(*c->host), "sums");
}

static int put_positions(struct collector *c, int length)
{
	for (int i = 0; i < length; i++)
		c->tokens[i] = i;
	return device_write(c->positions, 0, c->tokens, length * sizeof(*c->tokens));
}

static int build(struct collector *c, struct device *dev, int length)
{
	struct builder b = { .model = c->model };
	struct tensor *hidden;
	int ret;

	c->graph = b.graph = graph_new();
	if (!b.graph)
		return fail_nomem(0, "a graph");
	b.ids = token_input(c, dev, "ids", length, &c->ids);
	b.positions = token_input(c, dev, "positions", length, &c->positions);
	if (!b.ids || !b.positions)
		return graph_error(b.graph) ? graph_error(b.graph) : -ENOMEM;
	hidden = model_hidden(&b);
	ret = hidden ? add_layers(c) : graph_error(b.graph);
	if (!ret)
		ret = alloc_host(c, length);
	if (!ret)
		ret = graph_plan(b.graph, dev, false, &c->plan);
	return ret ? ret : put_positions(c, length);
}

/* ---- sums ---------------------------------------------------------------------------- */

static int add_sums(struct collector *c, int i)
{
	struct imatrix_sum *e = &c->s->of[i];
	int ret = tensor_read(c->squares[c->of[i]], c->host, e->row * sizeof(*c->host));

	for (int64_t k = 0; k < e->row && !ret; k++) {
		if (!isfinite(c->host[k]))
			return fail(-EDOM, "%s: its inputs are not finite", e->name);
		e->sum[k] += c->host[k];
	}
	return ret;
}

static int run_one(struct collector *c, const struct importance_text *text, int64_t i)
{
	int ret = text->read(text->ctx, i, c->tokens);

	if (!ret)
		ret = device_write(c->ids, 0, c->tokens, text->length * sizeof(*c->tokens));
	if (!ret)
		ret = plan_run(c->plan);
	for (int k = 0; k < c->s->nr && !ret; k++)
		ret = add_sums(c, k);
	return ret;
}

static int run_all(struct collector *c, const struct importance_text *text)
{
	bool bar = progress_begin("imatrix", text->nr);
	int ret = 0;

	for (int64_t i = 0; i < text->nr && !ret; i++) {
		ret = run_one(c, text, i);
		progress_update(bar, i + 1, "%s", "");
	}
	progress_end(bar);
	return ret;
}

int importance_of_inputs(struct model *m, struct device *dev, const struct importance_text *text,
			 struct imatrix_sums *s)
{
	struct collector c = { .model = m, .s = s };
	int ret;

	s->count = text->nr * text->length;
	s->chunks = text->nr;
	s->chunk = text->length;
	ret = build(&c, dev, text->length);
	if (!ret)
		ret = run_all(&c, text);
	plan_free(c.plan);
	graph_free(c.graph);
	buffer_free(c.ids);
	buffer_free(c.positions);
	free(c.of);
	free(c.x);
	free(c.squares);
	free(c.host);
	free(c.tokens);
	return ret;
}
