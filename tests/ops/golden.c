// SPDX-License-Identifier: MIT
#include "golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "tensor/plan.h"

#define TOLERANCE 1e-12		/* of the largest element */
#define TINY 1e-15		/* what is 0 in PyTorch may be a rounding error here */
#define ATTR_MAX 128

static _Thread_local char report[512];

/* ---- names ---------------------------------------------------------------------- */

/* "OP/CASE" of a tensor "OP/CASE/out0". */
static void case_of(const char *tensor, char name[GOLDEN_NAME])
{
	const char *end = strrchr(tensor, '/');

	snprintf(name, GOLDEN_NAME, "%.*s", end ? (int)(end - tensor) : 0, tensor);
}

/* Ops that only optimizers use, which this build may lack. */
static bool is_built(const char *name)
{
	static const char *const steps[] = { "muon", "muon_shadow", "sgd", "sgd_shadow" };
	char op[GOLDEN_NAME];

	case_of(name, op);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (!strcmp(op, steps[i]))
			return IS_ENABLED(CONFIG_MODELS);
	return true;
}

bool golden_next(const struct st *st, char name[GOLDEN_NAME])
{
	char this[GOLDEN_NAME], best[GOLDEN_NAME] = "";

	for (size_t i = 0; i < st_count(st); i++) {
		case_of(st_at(st, i)->name, this);
		if (strcmp(this, name) > 0 && (!*best || strcmp(this, best) < 0) &&
		    is_built(this))
			strcpy(best, this);
	}
	if (*best)
		strcpy(name, best);
	return *best;
}

/* Tensor @what number @i of a case; NULL if it has none. */
static const struct st_view *find(const struct st *st, const char *name, const char *what, int i)
{
	char full[GOLDEN_NAME + 16];
	const struct st_view *view;

	snprintf(full, sizeof(full), i < 0 ? "%s/%s" : "%s/%s%d", name, what, i);
	return st_find(st, full, &view) ? NULL : view;
}

/* ---- one case ---------------------------------------------------------------------- */

static double *elements(const struct st_view *v, int64_t *count)
{
	double *x;

	*count = 1;
	for (int d = 0; d < v->nd; d++)
		*count *= v->shape[d];
	x = malloc((*count + 1) * sizeof(*x));
	for (int64_t i = 0; x && i < *count; i++)
		x[i] = st_element(v, i);
	return x;
}

/* Ops know no f64: the oracles compute in fp64 whatever the layout says. */
static struct tensor *add_input(struct golden_case *c, const struct st_view *v, const char *what,
				bool wanted)
{
	enum dtype type = v->dtype == DT_F64 ? DT_F32 : v->dtype;
	struct tensor *t = graph_tensor(c->g, TENSOR_STATE, what, type, v->nd, v->shape, NULL);

	if (t && wanted)
		graph_want_grad(t);
	return t;
}

/* The op on the file's inputs, and, if asked for, its gradients. */
static struct node *build(struct golden_case *c, const struct st *st, struct tensor **in,
			  struct tensor **up)
{
	_Alignas(8) char attr[ATTR_MAX] = { 0 };
	const struct st_view *v;
	struct node *n;
	int nr_in = 0;
	char key[GOLDEN_NAME + 16];

	snprintf(key, sizeof(key), "%s/attr", c->name);
	BUG_ON(c->op->attr_size > sizeof(attr));
	if (golden_attr(c->op, st_metadata(st, key), attr))
		return NULL;
	for (int i = 0; i < c->op->nr_in; i++) {
		v = find(st, c->name, "in", i);
		in[i] = v ? add_input(c, v, "in", find(st, c->name, "din", i)) : NULL;
		nr_in = v ? i + 1 : nr_in;
	}
	n = graph_node(c->g, c->op, attr, in, nr_in);
	v = find(st, c->name, "up", -1);
	*up = v ? add_input(c, v, "up", false) : NULL;
	if (!n)
		graph_error(c->g);
	return n;
}

static int differentiate(struct golden_case *c, const struct st *st, struct node *n,
			 struct tensor *up)
{
	struct tensor *pair[2] = { n->out[0], up }, *loss = n->out[0];
	bool any = false;

	for (int i = 0; i < n->nr_in; i++)
		any |= n->in[i] && n->in[i]->wants_grad;
	if (!any)
		return 0;
	if (!(n->op->flags & OP_LOSS))
		loss = graph_op(c->g, op_find("mul"), NULL, pair, 2);
	return loss ? graph_backward(c->g, loss, NULL) : graph_error(c->g);
}

static int give(struct golden_case *c, const struct tensor *t, const struct st_view *v)
{
	int64_t count;

	if (!t)
		return 0;
	c->values[t->id] = elements(v, &count);
	return c->values[t->id] ? 0 : fail_nomem(count * sizeof(double), "a test");
}

/* After the run: oracle_run() allocates the results. */
static int add_pair(struct golden_case *c, const struct st *st, const char *what, int i,
		    const struct tensor *t)
{
	const struct st_view *v = find(st, c->name, what, i);
	struct golden_pair *p = &c->pair[c->nr];

	snprintf(p->what, sizeof(p->what), "%s%d", what, i);
	if (!v || !t)
		return fail(-ENOENT, "no %s in the %s", p->what, v ? "graph" : "file");
	if (v->nd != t->now.nd || memcmp(v->shape, t->now.n, v->nd * sizeof(v->shape[0])))
		return fail(-EINVAL, "%s has another shape", p->what);
	p->want = elements(v, &p->count);
	p->got = c->values[t->id];
	c->nr++;
	return p->want ? 0 : fail_nomem(p->count * sizeof(double), "a test");
}

static int run(struct golden_case *c, const struct st *st)
{
	struct tensor *in[MAX_IN] = { NULL }, *up;
	struct node *n = build(c, st, in, &up);
	int ret = n ? differentiate(c, st, n, up) : -EINVAL;

	if (ret)
		return ret;
	c->values = calloc(c->g->nr_tensors, sizeof(*c->values));
	if (!c->values)
		return fail_nomem(c->g->nr_tensors * sizeof(*c->values), "a test");
	for (int i = 0; i < n->nr_in && !ret; i++)
		ret = give(c, in[i], find(st, c->name, "in", i));
	if (!ret)
		ret = give(c, up, find(st, c->name, "up", -1));
	if (!ret)
		ret = oracle_run(c->g, c->values);
	for (int o = 0; o < n->nr_out && !ret; o++)
		ret = add_pair(c, st, "out", o, n->out[o]);
	for (int i = 0; i < n->nr_in && !ret; i++)
		if (in[i] && in[i]->wants_grad)
			ret = add_pair(c, st, "din", i, in[i]->grad);
	return ret;
}

int golden_run(const struct st *st, const char *name, struct golden_case *c)
{
	char op[GOLDEN_NAME];
	int ret;

	memset(c, 0, sizeof(*c));
	snprintf(c->name, sizeof(c->name), "%s", name);
	case_of(name, op);
	c->op = op_find(op);
	if (!c->op)
		return fail(-ENOENT, "golden %s: no op of that name", name);
	c->g = graph_new();
	ret = c->g ? run(c, st) : -ENOMEM;
	return ret ? fail_in(ret, "golden %s", name) : 0;
}

void golden_free(struct golden_case *c)
{
	for (int i = 0; c->values && i < c->g->nr_tensors; i++)
		free(c->values[i]);
	free(c->values);
	for (int i = 0; i < c->nr; i++)
		free(c->pair[i].want);
	graph_free(c->g);
	memset(c, 0, sizeof(*c));
}

/* ---- comparing ------------------------------------------------------------------------ */

static double largest(const struct golden_pair *p)
{
	double max = 0;

	for (int64_t i = 0; i < p->count; i++)
		if (isfinite(p->want[i]))
			max = fmax(max, fabs(p->want[i]));
	return max;
}

const char *golden_compare(const struct golden_case *c)
{
	for (const struct golden_pair *p = c->pair; p < c->pair + c->nr; p++) {
		double tolerance = TOLERANCE * largest(p) + TINY;

		for (int64_t i = 0; i < p->count; i++) {
			double want = p->want[i], got = p->got[i];

			if (isinf(want) ? got == want : fabs(got - want) <= tolerance)
				continue;
			snprintf(report, sizeof(report), "%s: %s element %lld is %.17g, PyTorch "
				 "says %.17g (tolerance %.3g)", c->name, p->what, (long long)i, got,
				 want, tolerance);
			return report;
		}
	}
	return NULL;
}
