// SPDX-License-Identifier: MIT
/*
 * Gradient rules against finite differences, all in fp64.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/rng.h"
#include "tests/ops/opcheck.h"
#include "tensor/graph.h"
#include "tensor/plan.h"
#include "tests/ops/values.h"

#define PROBES 24
#define STEP 1e-5
#define TOLERANCE 2e-7	/* of the largest gradient: h^2 and rounding leave about 1e-9 */

static _Thread_local char report[1024];

/* The graph of one op with a loss behind it: sum(output 0 * weights). */
struct probe {
	struct case_values v;
	struct graph *g;
	struct tensor *in[MAX_IN];
	struct tensor *mix;	/* random weights of the loss; NULL for OP_LOSS */
	double *weights;
	double **values;
};

static struct tensor *make_input(struct probe *p, int i)
{
	const struct layout *l = &p->v.in_layout[i];
	struct tensor *t;
	char name[16];

	if (l->nd < 0)
		return NULL;
	snprintf(name, sizeof(name), "in%d", i);
	t = graph_tensor(p->g, TENSOR_INPUT, name, l->dtype, l->nd, l->n, NULL);
	if (t && p->v.c->in[i].differentiable)
		graph_want_grad(t);
	return t;
}

static int build(struct probe *p)
{
	const struct op *op = p->v.op;
	struct tensor *y, *pair[2];
	const struct layout *l = &p->v.out_layout[0];
	static const char no_attr[64];

	p->g = graph_new();
	if (!p->g)
		return -ENOMEM;
	for (int i = 0; i < p->v.c->nr_in; i++)
		p->in[i] = make_input(p, i);
	y = graph_op(p->g, op, p->v.c->attr, p->in, p->v.c->nr_in);
	if (!(op->flags & OP_LOSS)) {
		p->mix = graph_tensor(p->g, TENSOR_INPUT, "mix", DT_F32, l->nd, l->n, NULL);
		pair[0] = y;
		pair[1] = p->mix;
		y = graph_op(p->g, op_find("mul"), no_attr, pair, 2);
	}
	return y ? graph_backward(p->g, y, NULL) : graph_error(p->g);
}

static int give(struct probe *p, const struct tensor *t, const double *from)
{
	int64_t count = layout_count(&t->max);

	p->values[t->id] = malloc((count + 1) * sizeof(double));
	if (!p->values[t->id])
		return fail_nomem(count * sizeof(double), "a test");
	memcpy(p->values[t->id], from, count * sizeof(double));
	return 0;
}

static int run(struct probe *p)
{
	int64_t count = layout_count(&p->v.out_layout[0]);
	struct rng r = rng_stream(11, "test/gradient/mix", 0);
	int ret = 0;

	p->values = calloc(p->g->nr_tensors, sizeof(*p->values));
	p->weights = calloc(count + 1, sizeof(double));
	if (!p->values || !p->weights)
		return fail_nomem(count * sizeof(double), "a test");
	for (int64_t i = 0; i < count; i++)
		p->weights[i] = p->mix ? rng_normal(&r, i) : p->v.in[3][0];
	for (int i = 0; i < p->v.c->nr_in && !ret; i++)
		if (p->in[i])
			ret = give(p, p->in[i], p->v.in[i]);
	if (!ret && p->mix)
		ret = give(p, p->mix, p->weights);
	return ret ? ret : oracle_run(p->g, p->values);
}

static int loss_at(struct probe *p, double *loss)
{
	int ret = values_oracle(&p->v);

	*loss = 0;
	for (int64_t i = 0; i < layout_count(&p->v.out_layout[0]); i++)
		*loss += p->weights[i] * p->v.out[0][i];
	return ret;
}

static int slope(struct probe *p, int i, int64_t e, double *d)
{
	double x = p->v.in[i][e], h = STEP * fmax(1, fabs(x)), up, down = 0;
	int ret;

	p->v.in[i][e] = x + h;
	ret = loss_at(p, &up);
	p->v.in[i][e] = x - h;
	if (!ret)
		ret = loss_at(p, &down);
	p->v.in[i][e] = x;
	*d = (up - down) / (2 * h);
	return ret;
}

static const char *check_input(struct probe *p, int i)
{
	int64_t count = layout_count(&p->v.in_layout[i]);
	const struct tensor *grad = p->in[i]->grad;
	struct rng r = rng_stream(13, "test/gradient/probe", i);
	double largest = 0;

	if (!grad) {
		snprintf(report, sizeof(report), "%s/%s: no gradient reaches input %d",
			 p->v.op->name, p->v.c->name, i);
		return report;
	}
	for (int64_t e = 0; e < count; e++)
		largest = fmax(largest, fabs(p->values[grad->id][e]));
	for (int64_t n = 0; n < PROBES && n < count; n++) {
		int64_t e = count <= PROBES ? n : (int64_t)rng_below(&r, n, count);
		double got = p->values[grad->id][e], want;

		if (slope(p, i, e, &want))
			return fail_message();
		if (fabs(got - want) <= TOLERANCE * fmax(largest, fabs(want)) + 1e-9)
			continue;
		snprintf(report, sizeof(report), "%s/%s: gradient of input %d element %lld is "
			 "%.9g, finite differences say %.9g", p->v.op->name, p->v.c->name, i,
			 (long long)e, got, want);
		return report;
	}
	return NULL;
}

const char *opcheck_gradient(const struct op *op, const struct op_case *c)
{
	struct probe p;
	const char *wrong = NULL;
	bool any = false;

	for (int i = 0; i < c->nr_in; i++)
		any |= c->in[i].differentiable;
	if (!any)
		return NULL;
	memset(&p, 0, sizeof(p));
	if (values_make(&p.v, op, c) || build(&p) || run(&p)) {
		snprintf(report, sizeof(report), "%s/%s: %s", op->name, c->name, fail_message());
		wrong = report;
	}
	for (int i = 0; i < c->nr_in && !wrong; i++)
		if (c->in[i].differentiable)
			wrong = check_input(&p, i);
	for (int t = 0; p.values && t < p.g->nr_tensors; t++)
		free(p.values[t]);
	free(p.values);
	free(p.weights);
	graph_free(p.g);
	values_free(&p.v);
	return wrong;
}
