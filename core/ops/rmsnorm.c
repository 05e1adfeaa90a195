// SPDX-License-Identifier: MIT
#include "ops/rmsnorm.h"

#include <math.h>

#include "base/fail.h"
#include "ops/contiguous.h"
#include "ops/norm-rules.h"
#include "ops/rules.h"

static const struct op rmsnorm, add_rmsnorm, rmsnorm_grad, add_rmsnorm_grad;

struct tensor *op_rmsnorm(struct graph *g, struct tensor *x, struct tensor *w, float eps,
			  enum dtype out)
{
	struct rmsnorm_attr attr = { .eps = eps, .out = out };
	struct tensor *in[2] = { op_contiguous_rows(g, x), w };

	return graph_op(g, &rmsnorm, &attr, in, 2);
}

struct tensor *op_add_rmsnorm(struct graph *g, struct tensor **x, struct tensor *branch,
			      struct tensor *w, float eps, enum dtype out)
{
	struct rmsnorm_attr attr = { .eps = eps, .out = out };
	struct tensor *in[3] = { *x, w, branch };
	struct node *n = graph_node(g, &add_rmsnorm, &attr, in, 3);

	*x = n ? n->out[2] : NULL;
	return n ? n->out[0] : NULL;
}

struct rmsnorm_grads op_rmsnorm_grad(struct graph *g, struct tensor *dy, struct tensor *x,
				     struct tensor *w, struct tensor *rstd,
				     struct tensor *dsum, bool branch)
{
	struct tensor *in[5] = { dy, op_contiguous_rows(g, x), w, rstd, dsum };
	struct node *n = graph_node(g, branch ? &add_rmsnorm_grad : &rmsnorm_grad, NULL, in, 5);

	if (!n)
		return (struct rmsnorm_grads){ NULL };
	return (struct rmsnorm_grads){ n->out[0], n->out[1], branch ? n->out[2] : NULL };
}

/* x and w; y and rstd. */
static int rmsnorm_infer(const void *attr, const struct layout *in, int nr_in,
			   struct layout *out)
{
	const struct rmsnorm_attr *a = attr;
	int ret = norm_rows("rmsnorm", &in[0], a->out);

	if (ret)
		return ret;
	out[0] = layout_like(&in[0], a->out);
	out[1] = norm_statistic(&in[0]);
	return rule_vector("rmsnorm", "w", &in[1], layout_last(&in[0]));
}

static int rmsnorm_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	bool added = n->op == &add_rmsnorm;
	struct tensor *x = added ? n->out[2] : n->in[0], *w = n->in[1];
	struct tensor *branch = added ? n->in[2] : NULL, *dsum = added ? dout[2] : NULL;
	struct rmsnorm_grads d = { .dx = dsum };

	if (dout[1])
		return fail(-EOPNOTSUPP, "%s: rstd is not differentiable", n->name);
	if (dout[0])
		d = op_rmsnorm_grad(backward_graph(b), dout[0], x, w, n->out[1], dsum,
				    branch && branch->max.dtype == DT_BF16);
	backward_add(b, n->in[0], d.dx);
	backward_add(b, branch, d.branch ? d.branch : d.dx);
	backward_add(b, w, d.dw);
	return 0;
}

static void rmsnorm_cost(const void *attr, const struct layout *in, const struct layout *out,
			   struct cost *cost)
{
	cost->flops = 4.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 2);
}

static int64_t norm_reduce(const void *attr, const struct layout *in, const struct layout *out)
{
	return layout_last(&in[0]);
}

static int rmsnorm_oracle(const struct oracle_call *c)
{
	const struct rmsnorm_attr *a = c->attr;
	int64_t n = layout_last(&c->in_layout[0]);

	for (int64_t i = 0; c->nr_out > 2 && i < layout_count(&c->in_layout[0]); i++)
		c->out[2][i] = c->in[0][i] + c->in[2][i];
	for (int64_t r = 0; r < layout_rows(&c->in_layout[0]); r++) {
		const double *x = (c->nr_out > 2 ? c->out[2] : c->in[0]) + r * n;
		double square = 0;

		for (int64_t i = 0; i < n; i++)
			square += x[i] * x[i];
		c->out[1][r] = 1 / sqrt(square / n + a->eps);
		for (int64_t i = 0; i < n; i++)
			c->out[0][r * n + i] = x[i] * c->out[1][r] * c->in[1][i];
	}
	return 0;
}

static const struct rmsnorm_attr usual = { 1e-6f, DT_F32 }, large = { 0.5f, DT_F32 },
	narrow = { 1e-6f, DT_BF16 };

static const struct op_case rmsnorm_cases[] = {
	{ "one", &usual, 2, { CASE_DIFF(1, 1), CASE_DIFF(1, 1) } },
	{ "vector", &usual, 2, { CASE_DIFF(1, 9), CASE_DIFF(1, 9) } },
	{ "odd", &usual, 2, { CASE_DIFF_EXT(3, 3, 3, 5, 7), CASE_DIFF(1, 7) } },
	{ "large eps", &large, 2, { CASE_DIFF_EXT(1, 2, 5, 33), CASE_DIFF(1, 33) } },
	{ "heads", &usual, 2, { CASE_DIFF_EXT(3, 4, 2, 3, 2, 16), CASE_DIFF(1, 16) } },
	{ "tiles", &usual, 2, { CASE_EXT(1, 2, 131, 384), CASE_F32(1, 384) } },
	{ "narrow", &narrow, 2, { CASE_F32(2, 131, 384), CASE_F32(1, 384) } },
	{ "narrow odd", &narrow, 2, { CASE_DIFF(3, 3, 5, 7), CASE_DIFF(1, 7) } },
	{ "long rows", &usual, 2, { CASE_EXT(1, 2, 3, 20011), CASE_F32(1, 20011) } },
	{ NULL },
};

static const struct op_case rmsnorm_timed[] = {
	{ "6x384", &usual, 2, { CASE_F32(2, 4096, 384), CASE_F32(1, 384) } },
	{ "124M", &usual, 2, { CASE_F32(2, 1024, 768), CASE_F32(1, 768) } },
	{ "large", &usual, 2, { CASE_F32(2, 65536, 384), CASE_F32(1, 384) } },
	{ NULL },
};

static const struct op rmsnorm = {
	.name = "rmsnorm",
	.summary = "root mean square normalisation over the last dimension",
	.attr_size = sizeof(struct rmsnorm_attr),
	.nr_in = 2,
	.nr_out = 2,
	.strided_in = 1,
	.compute_in = 1,
	.inplace = { 1 },
	.infer = rmsnorm_infer,
	.grad = rmsnorm_backward,
	.cost = rmsnorm_cost,
	.reduce = norm_reduce,
	.oracle = OP_TEST(rmsnorm_oracle),
	.cases = OP_TEST(rmsnorm_cases),
	.timed = OP_TEST(rmsnorm_timed),
};
OP_REGISTER(rmsnorm);

/* ---- of a sum ---------------------------------------------------------------- */

static int add_rmsnorm_infer(const void *attr, const struct layout *in, int nr_in,
			       struct layout *out)
{
	int ret = rmsnorm_infer(attr, in, 2, out);

	if (!ret)
		ret = norm_sum("add_rmsnorm", &in[0], rule_input(in, nr_in, 2), &out[2]);
	return ret;
}

static void add_rmsnorm_cost(const void *attr, const struct layout *in,
			       const struct layout *out, struct cost *cost)
{
	cost->flops = 5.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 3) + rule_bytes(out, 3);
}

static const struct op_case add_rmsnorm_cases[] = {
	{ "one", &usual, 3, { CASE_DIFF(1, 1), CASE_DIFF(1, 1), CASE_DIFF(1, 1) } },
	{ "odd", &usual, 3,
	  { CASE_DIFF_EXT(3, 3, 3, 5, 7), CASE_DIFF(1, 7),
	    CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "large eps", &large, 3, { CASE_DIFF(2, 5, 33), CASE_DIFF(1, 33), CASE_DIFF(2, 5, 33) } },
	{ "narrow", &narrow, 3,
	  { CASE_F32(2, 131, 384), CASE_F32(1, 384), CASE_F32(2, 131, 384) } },
	{ "tiles", &usual, 3,
	  { CASE_EXT(1, 2, 131, 384), CASE_F32(1, 384),
	    CASE_EXT(1, 2, 131, 384) } },
	{ NULL },
};

static const struct op_case add_rmsnorm_timed[] = {
	{ "6x384", &usual, 3,
	  { CASE_F32(2, 4096, 384), CASE_F32(1, 384), CASE_F32(2, 4096, 384) } },
	{ "6x384 narrow", &narrow, 3,
	  { CASE_F32(2, 4096, 384), CASE_F32(1, 384), CASE_F32(2, 4096, 384) } },
	{ "large", &usual, 3,
	  { CASE_F32(2, 65536, 384), CASE_F32(1, 384),
	    CASE_F32(2, 65536, 384) } },
	{ "large narrow", &narrow, 3,
	  { CASE_F32(2, 65536, 384), CASE_F32(1, 384),
	    CASE_F32(2, 65536, 384) } },
	{ NULL },
};

static const struct op add_rmsnorm = {
	.name = "add_rmsnorm",
	.summary = "a residual sum and its root mean square normalisation",
	.attr_size = sizeof(struct rmsnorm_attr),
	.nr_in = 3,
	.nr_out = 3,
	.compute_in = 1 << 2,
	.inplace = { 0, 0, 1 },
	.infer = add_rmsnorm_infer,
	.grad = rmsnorm_backward,
	.cost = add_rmsnorm_cost,
	.reduce = norm_reduce,
	.oracle = OP_TEST(rmsnorm_oracle),
	.cases = OP_TEST(add_rmsnorm_cases),
	.timed = OP_TEST(add_rmsnorm_timed),
};
OP_REGISTER(add_rmsnorm);

/* ---- gradients ---------------------------------------------------------------- */

static int rmsnorm_grad_infer(const void *attr, const struct layout *in, int nr_in,
				struct layout *out)
{
	int ret = norm_grad("rmsnorm_grad", &in[0], &in[1], &in[2],
			    rule_input(in, nr_in, 4), out);

	return ret ? ret : rule_leading("rmsnorm_grad", "rstd", &in[3], "rows of x", &out[0]);
}

static int add_rmsnorm_grad_infer(const void *attr, const struct layout *in, int nr_in,
				    struct layout *out)
{
	int ret = rmsnorm_grad_infer(attr, in, nr_in, out);

	out[2] = layout_like(&in[1], DT_BF16);
	return ret;
}

static void rmsnorm_grad_cost(const void *attr, const struct layout *in,
				const struct layout *out, struct cost *cost)
{
	cost->flops = 11.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 5) + rule_bytes(out, 2);
}

static void add_rmsnorm_grad_cost(const void *attr, const struct layout *in,
				    const struct layout *out, struct cost *cost)
{
	rmsnorm_grad_cost(attr, in, out, cost);
	cost->bytes += rule_bytes(&out[2], 1);
}

/* Sums over the elements of a row (dx) and over rows (dw). */
static int64_t grad_reduce(const void *attr, const struct layout *in, const struct layout *out)
{
	int64_t rows = layout_rows(&in[0]), n = layout_last(&in[0]);

	return rows > n ? rows : n;
}

/* What one row gives: dx, and its part of dw. */
static void oracle_grad_row(const struct oracle_call *c, int64_t r, int64_t n)
{
	const double *dy = c->in[0] + r * n, *x = c->in[1] + r * n, *w = c->in[2];
	double rstd = c->in[3][r], dot = 0;

	for (int64_t i = 0; i < n; i++) {
		dot += dy[i] * w[i] * x[i] * rstd;
		c->out[1][i] += dy[i] * x[i] * rstd;
	}
	for (int64_t i = 0; i < n; i++) {
		double dx = rstd * (dy[i] * w[i] - x[i] * rstd * dot / n);

		dx += c->nr_in > 4 && c->in[4] ? c->in[4][r * n + i] : 0;
		c->out[0][r * n + i] = dx;
		if (c->nr_out > 2)
			c->out[2][r * n + i] = dx;
	}
}

static int rmsnorm_grad_oracle(const struct oracle_call *c)
{
	int64_t n = layout_last(&c->in_layout[1]);

	for (int64_t i = 0; i < n; i++)
		c->out[1][i] = 0;
	for (int64_t r = 0; r < layout_rows(&c->in_layout[1]); r++)
		oracle_grad_row(c, r, n);
	return 0;
}

#define POSITIVE(...) CASE_FILL(DT_F32, FILL_POSITIVE, __VA_ARGS__)
#define BF16(...) CASE_FILL(DT_BF16, FILL_NORMAL, __VA_ARGS__)

/* @rows x @n: dy of a type, x, w, rstd. */
#define GRAD_CASE(dy, rows, n)							\
	dy(2, rows, n), CASE_F32(2, rows, n), CASE_F32(1, n), POSITIVE(1, rows)

static const struct op_case rmsnorm_grad_cases[] = {
	{ "one", NULL, 4,
	  { CASE_F32(1, 1), CASE_F32(1, 1), CASE_F32(1, 1), POSITIVE(0) } },
	{ "odd", NULL, 4,
	  { CASE_EXT(3, 3, 3, 5, 7), CASE_EXT(3, 3, 3, 5, 7), CASE_F32(1, 7),
	    CASE_EXT(3, 2, 3, 5) } },
	{ "sum", NULL, 5, { GRAD_CASE(CASE_F32, 131, 384), CASE_F32(2, 131, 384) } },
	{ "mixed", NULL, 4, { GRAD_CASE(BF16, 131, 67) } },
	{ "mixed sum", NULL, 5, { GRAD_CASE(BF16, 67, 131), CASE_F32(2, 67, 131) } },
	{ "many rows", NULL, 4, { GRAD_CASE(CASE_F32, 17000, 3) } },
	{ "long rows", NULL, 4, { GRAD_CASE(CASE_F32, 3, 20011) } },
	{ "tiles", NULL, 4,
	  { CASE_EXT(1, 2, 700, 131), CASE_EXT(1, 2, 700, 131), CASE_F32(1, 131),
	    CASE_EXT(1, 1, 700) } },
	{ NULL },
};

static const struct op_case rmsnorm_grad_timed[] = {
	{ "6x384", NULL, 5, { GRAD_CASE(CASE_F32, 4096, 384), CASE_F32(2, 4096, 384) } },
	{ "124M", NULL, 5, { GRAD_CASE(CASE_F32, 1024, 768), CASE_F32(2, 1024, 768) } },
	{ "large", NULL, 5, { GRAD_CASE(CASE_F32, 65536, 384), CASE_F32(2, 65536, 384) } },
	{ NULL },
};

static const struct op rmsnorm_grad = {
	.name = "rmsnorm_grad",
	.summary = "gradients of rmsnorm's input and gain",
	.nr_in = 5,
	.nr_out = 2,
	.strided_in = 2,
	.optional_in = 1 << 4,
	.compute_in = 1 << 0 | 1 << 1 | 1 << 4,
	.inplace = { 5 },
	.infer = rmsnorm_grad_infer,
	.cost = rmsnorm_grad_cost,
	.reduce = grad_reduce,
	.oracle = OP_TEST(rmsnorm_grad_oracle),
	.cases = OP_TEST(rmsnorm_grad_cases),
	.timed = OP_TEST(rmsnorm_grad_timed),
};
OP_REGISTER(rmsnorm_grad);

static const struct op_case add_rmsnorm_grad_cases[] = {
	{ "no sum", NULL, 4, { GRAD_CASE(BF16, 67, 131) } },
	{ "sum", NULL, 5, { GRAD_CASE(BF16, 131, 384), CASE_F32(2, 131, 384) } },
	{ "f32", NULL, 5, { GRAD_CASE(CASE_F32, 700, 131), CASE_F32(2, 700, 131) } },
	{ NULL },
};

static const struct op_case add_rmsnorm_grad_timed[] = {
	{ "6x384", NULL, 5, { GRAD_CASE(BF16, 4096, 384), CASE_F32(2, 4096, 384) } },
	{ "large", NULL, 5, { GRAD_CASE(BF16, 65536, 384), CASE_F32(2, 65536, 384) } },
	{ NULL },
};

static const struct op add_rmsnorm_grad = {
	.name = "add_rmsnorm_grad",
	.summary = "gradients of rmsnorm's input, in two types, and gain",
	.nr_in = 5,
	.nr_out = 3,
	.strided_in = 2,
	.optional_in = 1 << 4,
	.inplace = { 5 },
	.infer = add_rmsnorm_grad_infer,
	.cost = add_rmsnorm_grad_cost,
	.reduce = grad_reduce,
	.oracle = OP_TEST(rmsnorm_grad_oracle),
	.cases = OP_TEST(add_rmsnorm_grad_cases),
	.timed = OP_TEST(add_rmsnorm_grad_timed),
};
OP_REGISTER(add_rmsnorm_grad);
