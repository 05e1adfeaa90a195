// SPDX-License-Identifier: MIT
#include "ops/layernorm.h"

#include <math.h>

#include "base/fail.h"
#include "ops/contiguous.h"
#include "ops/norm-rules.h"
#include "ops/rules.h"

static const struct op layernorm, add_layernorm, layernorm_grad, add_layernorm_grad;

struct tensor *op_layernorm(struct graph *g, struct tensor *x, struct tensor *w,
			    struct tensor *b, float eps, enum dtype out)
{
	struct layernorm_attr attr = { .eps = eps, .out = out };
	struct tensor *in[3] = { op_contiguous_rows(g, x), w, b };

	return graph_op(g, &layernorm, &attr, in, 3);
}

struct tensor *op_add_layernorm(struct graph *g, struct tensor **x, struct tensor *branch,
				struct tensor *w, struct tensor *b, float eps, enum dtype out)
{
	struct layernorm_attr attr = { .eps = eps, .out = out };
	struct tensor *in[4] = { *x, w, b, branch };
	struct node *n = graph_node(g, &add_layernorm, &attr, in, 4);

	*x = n ? n->out[3] : NULL;
	return n ? n->out[0] : NULL;
}

struct layernorm_grads op_layernorm_grad(struct graph *g, struct tensor *dy, struct tensor *x,
					 struct tensor *w, struct tensor *mean,
					 struct tensor *rstd, struct tensor *dsum, bool branch)
{
	struct tensor *in[6] = { dy, op_contiguous_rows(g, x), w, mean, rstd, dsum };
	struct node *n = graph_node(g, branch ? &add_layernorm_grad : &layernorm_grad, NULL, in,
				    6);

	if (!n)
		return (struct layernorm_grads){ NULL };
	return (struct layernorm_grads){ n->out[0], n->out[1], n->out[2],
					 branch ? n->out[3] : NULL };
}

/* x, w and b; y, mean and rstd. */
static int layernorm_infer(const void *attr, const struct layout *in, int nr_in,
			   struct layout *out)
{
	const struct layernorm_attr *a = attr;
	int ret = norm_rows("layernorm", &in[0], a->out);

	if (ret)
		return ret;
	ret = rule_vector("layernorm", "w", &in[1], layout_last(&in[0]));
	if (!ret && nr_in > 2 && in[2].nd >= 0)
		ret = rule_vector("layernorm", "b", &in[2], layout_last(&in[0]));
	out[0] = layout_like(&in[0], a->out);
	out[1] = out[2] = norm_statistic(&in[0]);
	return ret;
}

static int layernorm_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	bool added = n->op == &add_layernorm;
	struct tensor *x = added ? n->out[3] : n->in[0], *w = n->in[1];
	struct tensor *bias = n->nr_in > 2 ? n->in[2] : NULL, *branch = added ? n->in[3] : NULL;
	struct tensor *dsum = added ? dout[3] : NULL;
	struct layernorm_grads d = { .dx = dsum };

	if (dout[1] || dout[2])
		return fail(-EOPNOTSUPP, "%s: mean and rstd are not differentiable", n->name);
	if (dout[0])
		d = op_layernorm_grad(backward_graph(b), dout[0], x, w, n->out[1], n->out[2],
				      dsum, branch && branch->max.dtype == DT_BF16);
	backward_add(b, n->in[0], d.dx);
	backward_add(b, branch, d.branch ? d.branch : d.dx);
	backward_add(b, w, d.dw);
	backward_add(b, bias, d.db);
	return 0;
}

static void layernorm_cost(const void *attr, const struct layout *in, const struct layout *out,
			   struct cost *cost)
{
	cost->flops = 8.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 3) + rule_bytes(out, 3);
}

static int64_t norm_reduce(const void *attr, const struct layout *in, const struct layout *out)
{
	return layout_last(&in[0]);
}

static void oracle_row(const double *x, const double *w, const double *b, int64_t n, double eps,
		       double *y, double *mean, double *rstd)
{
	double sum = 0, var = 0;

	for (int64_t i = 0; i < n; i++)
		sum += x[i];
	*mean = sum / n;
	for (int64_t i = 0; i < n; i++)
		var += (x[i] - *mean) * (x[i] - *mean);
	*rstd = 1 / sqrt(var / n + eps);
	for (int64_t i = 0; i < n; i++)
		y[i] = (x[i] - *mean) * *rstd * w[i] + (b ? b[i] : 0);
}

static int layernorm_oracle(const struct oracle_call *c)
{
	const struct layernorm_attr *a = c->attr;
	int64_t n = layout_last(&c->in_layout[0]);
	const double *x = c->in[0];

	if (c->nr_out > 3) {
		for (int64_t i = 0; i < layout_count(&c->in_layout[0]); i++)
			c->out[3][i] = c->in[0][i] + c->in[3][i];
		x = c->out[3];
	}
	for (int64_t r = 0; r < layout_rows(&c->in_layout[0]); r++)
		oracle_row(x + r * n, c->in[1], c->nr_in > 2 ? c->in[2] : NULL, n, a->eps,
			   c->out[0] + r * n, c->out[1] + r, c->out[2] + r);
	return 0;
}

static const struct layernorm_attr usual = { 1e-5f, DT_F32 }, large = { 0.5f, DT_F32 },
	narrow = { 1e-5f, DT_BF16 };

static const struct op_case layernorm_cases[] = {
	{ "one", &usual, 3, { CASE_DIFF(1, 1), CASE_DIFF(1, 1), CASE_DIFF(1, 1) } },
	{ "vector", &usual, 3, { CASE_DIFF(1, 9), CASE_DIFF(1, 9), CASE_DIFF(1, 9) } },
	{ "odd", &usual, 3, { CASE_DIFF_EXT(3, 3, 3, 5, 7), CASE_DIFF(1, 7), CASE_DIFF(1, 7) } },
	{ "no bias", &usual, 2, { CASE_DIFF_EXT(1, 2, 5, 33), CASE_DIFF(1, 33) } },
	{ "absent bias", &large, 3, { CASE_DIFF(2, 5, 17), CASE_DIFF(1, 17), CASE_ABSENT } },
	{ "heads", &usual, 3,
	  { CASE_DIFF(4, 2, 3, 2, 16), CASE_DIFF(1, 16), CASE_DIFF(1, 16) } },
	{ "tiles", &usual, 3, { CASE_EXT(1, 2, 131, 384), CASE_F32(1, 384), CASE_F32(1, 384) } },
	{ "narrow", &narrow, 3, { CASE_F32(2, 131, 384), CASE_F32(1, 384), CASE_F32(1, 384) } },
	{ "narrow odd", &narrow, 3, { CASE_DIFF(3, 3, 5, 7), CASE_DIFF(1, 7), CASE_DIFF(1, 7) } },
	{ "long rows", &usual, 3,
	  { CASE_EXT(1, 2, 3, 20011), CASE_F32(1, 20011), CASE_F32(1, 20011) } },
	{ NULL },
};

static const struct op_case layernorm_timed[] = {
	{ "6x384", &usual, 3, { CASE_F32(2, 4096, 384), CASE_F32(1, 384), CASE_F32(1, 384) } },
	{ "124M", &usual, 3, { CASE_F32(2, 1024, 768), CASE_F32(1, 768), CASE_F32(1, 768) } },
	{ "large", &usual, 3, { CASE_F32(2, 65536, 384), CASE_F32(1, 384), CASE_F32(1, 384) } },
	{ NULL },
};

static const struct op layernorm = {
	.name = "layernorm",
	.summary = "layer normalisation over the last dimension",
	.attr_size = sizeof(struct layernorm_attr),
	.nr_in = 3,
	.nr_out = 3,
	.strided_in = 1,
	.optional_in = 1 << 2,
	.compute_in = 1,
	.inplace = { 1 },
	.infer = layernorm_infer,
	.grad = layernorm_backward,
	.cost = layernorm_cost,
	.reduce = norm_reduce,
	.oracle = OP_TEST(layernorm_oracle),
	.cases = OP_TEST(layernorm_cases),
	.timed = OP_TEST(layernorm_timed),
};
OP_REGISTER(layernorm);

/* ---- of a sum ---------------------------------------------------------------- */

static int add_layernorm_infer(const void *attr, const struct layout *in, int nr_in,
			       struct layout *out)
{
	int ret = layernorm_infer(attr, in, 3, out);

	if (!ret)
		ret = norm_sum("add_layernorm", &in[0], rule_input(in, nr_in, 3), &out[3]);
	return ret;
}

static void add_layernorm_cost(const void *attr, const struct layout *in,
			       const struct layout *out, struct cost *cost)
{
	cost->flops = 9.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 4) + rule_bytes(out, 4);
}

static const struct op_case add_layernorm_cases[] = {
	{ "one", &usual, 4,
	  { CASE_DIFF(1, 1), CASE_DIFF(1, 1), CASE_DIFF(1, 1), CASE_DIFF(1, 1) } },
	{ "odd", &usual, 4,
	  { CASE_DIFF_EXT(3, 3, 3, 5, 7), CASE_DIFF(1, 7), CASE_DIFF(1, 7),
	    CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "no bias", &large, 4,
	  { CASE_DIFF(2, 5, 33), CASE_DIFF(1, 33), CASE_ABSENT, CASE_DIFF(2, 5, 33) } },
	{ "narrow", &narrow, 4,
	  { CASE_F32(2, 131, 384), CASE_F32(1, 384), CASE_F32(1, 384), CASE_F32(2, 131, 384) } },
	{ "tiles", &usual, 4,
	  { CASE_EXT(1, 2, 131, 384), CASE_F32(1, 384), CASE_F32(1, 384),
	    CASE_EXT(1, 2, 131, 384) } },
	{ NULL },
};

static const struct op_case add_layernorm_timed[] = {
	{ "6x384", &usual, 4,
	  { CASE_F32(2, 4096, 384), CASE_F32(1, 384), CASE_F32(1, 384), CASE_F32(2, 4096, 384) } },
	{ "6x384 narrow", &narrow, 4,
	  { CASE_F32(2, 4096, 384), CASE_F32(1, 384), CASE_F32(1, 384), CASE_F32(2, 4096, 384) } },
	{ "large", &usual, 4,
	  { CASE_F32(2, 65536, 384), CASE_F32(1, 384), CASE_F32(1, 384),
	    CASE_F32(2, 65536, 384) } },
	{ "large narrow", &narrow, 4,
	  { CASE_F32(2, 65536, 384), CASE_F32(1, 384), CASE_F32(1, 384),
	    CASE_F32(2, 65536, 384) } },
	{ NULL },
};

static const struct op add_layernorm = {
	.name = "add_layernorm",
	.summary = "a residual sum and its layer normalisation",
	.attr_size = sizeof(struct layernorm_attr),
	.nr_in = 4,
	.nr_out = 4,
	.optional_in = 1 << 2,
	.compute_in = 1 << 3,
	.inplace = { 0, 0, 0, 1 },
	.infer = add_layernorm_infer,
	.grad = layernorm_backward,
	.cost = add_layernorm_cost,
	.reduce = norm_reduce,
	.oracle = OP_TEST(layernorm_oracle),
	.cases = OP_TEST(add_layernorm_cases),
	.timed = OP_TEST(add_layernorm_timed),
};
OP_REGISTER(add_layernorm);

/* ---- gradients ---------------------------------------------------------------- */

static int layernorm_grad_infer(const void *attr, const struct layout *in, int nr_in,
				struct layout *out)
{
	int ret = norm_grad("layernorm_grad", &in[0], &in[1], &in[2],
			    rule_input(in, nr_in, 5), out);

	if (!ret)
		ret = rule_leading("layernorm_grad", "mean", &in[3], "rows of x", &out[0]);
	if (!ret)
		ret = rule_leading("layernorm_grad", "rstd", &in[4], "rows of x", &out[0]);
	out[2] = out[1];
	return ret;
}

static int add_layernorm_grad_infer(const void *attr, const struct layout *in, int nr_in,
				    struct layout *out)
{
	int ret = layernorm_grad_infer(attr, in, nr_in, out);

	out[3] = layout_like(&in[1], DT_BF16);
	return ret;
}

static void layernorm_grad_cost(const void *attr, const struct layout *in,
				const struct layout *out, struct cost *cost)
{
	cost->flops = 16.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 6) + rule_bytes(out, 3);
}

static void add_layernorm_grad_cost(const void *attr, const struct layout *in,
				    const struct layout *out, struct cost *cost)
{
	layernorm_grad_cost(attr, in, out, cost);
	cost->bytes += rule_bytes(&out[3], 1);
}

/* Sums over the elements of a row (dx) and over rows (dw, db). */
static int64_t grad_reduce(const void *attr, const struct layout *in, const struct layout *out)
{
	int64_t rows = layout_rows(&in[0]), n = layout_last(&in[0]);

	return rows > n ? rows : n;
}

/* What one row gives: dx, and its parts of dw and db. */
static void oracle_grad_row(const struct oracle_call *c, int64_t r, int64_t n)
{
	const double *dy = c->in[0] + r * n, *x = c->in[1] + r * n, *w = c->in[2];
	double mean = c->in[3][r], rstd = c->in[4][r], sum = 0, dot = 0;

	for (int64_t i = 0; i < n; i++) {
		double xhat = (x[i] - mean) * rstd;

		sum += dy[i] * w[i];
		dot += dy[i] * w[i] * xhat;
		c->out[1][i] += dy[i] * xhat;
		c->out[2][i] += dy[i];
	}
	for (int64_t i = 0; i < n; i++) {
		double dx = rstd * (dy[i] * w[i] - sum / n - (x[i] - mean) * rstd * dot / n);

		dx += c->nr_in > 5 && c->in[5] ? c->in[5][r * n + i] : 0;
		c->out[0][r * n + i] = dx;
		if (c->nr_out > 3)
			c->out[3][r * n + i] = dx;
	}
}

static int layernorm_grad_oracle(const struct oracle_call *c)
{
	int64_t n = layout_last(&c->in_layout[1]);

	for (int64_t i = 0; i < n; i++)
		c->out[1][i] = c->out[2][i] = 0;
	for (int64_t r = 0; r < layout_rows(&c->in_layout[1]); r++)
		oracle_grad_row(c, r, n);
	return 0;
}

#define POSITIVE(...) CASE_FILL(DT_F32, FILL_POSITIVE, __VA_ARGS__)
#define BF16(...) CASE_FILL(DT_BF16, FILL_NORMAL, __VA_ARGS__)

/* @rows x @n: dy of a type, x, w, mean, rstd. */
#define GRAD_CASE(dy, rows, n)							\
	dy(2, rows, n), CASE_F32(2, rows, n), CASE_F32(1, n), CASE_F32(1, rows), POSITIVE(1, rows)

static const struct op_case layernorm_grad_cases[] = {
	{ "one", NULL, 5,
	  { CASE_F32(1, 1), CASE_F32(1, 1), CASE_F32(1, 1), CASE_F32(0), POSITIVE(0) } },
	{ "odd", NULL, 5,
	  { CASE_EXT(3, 3, 3, 5, 7), CASE_EXT(3, 3, 3, 5, 7), CASE_F32(1, 7),
	    CASE_EXT(3, 2, 3, 5), CASE_EXT(3, 2, 3, 5) } },
	{ "sum", NULL, 6, { GRAD_CASE(CASE_F32, 131, 384), CASE_F32(2, 131, 384) } },
	{ "mixed", NULL, 5, { GRAD_CASE(BF16, 131, 67) } },
	{ "mixed sum", NULL, 6, { GRAD_CASE(BF16, 67, 131), CASE_F32(2, 67, 131) } },
	{ "many rows", NULL, 5, { GRAD_CASE(CASE_F32, 17000, 3) } },
	{ "long rows", NULL, 5, { GRAD_CASE(CASE_F32, 3, 20011) } },
	{ "tiles", NULL, 5,
	  { CASE_EXT(1, 2, 700, 131), CASE_EXT(1, 2, 700, 131), CASE_F32(1, 131),
	    CASE_EXT(1, 1, 700), CASE_EXT(1, 1, 700) } },
	{ NULL },
};

static const struct op_case layernorm_grad_timed[] = {
	{ "6x384", NULL, 6, { GRAD_CASE(CASE_F32, 4096, 384), CASE_F32(2, 4096, 384) } },
	{ "124M", NULL, 6, { GRAD_CASE(CASE_F32, 1024, 768), CASE_F32(2, 1024, 768) } },
	{ "large", NULL, 6, { GRAD_CASE(CASE_F32, 65536, 384), CASE_F32(2, 65536, 384) } },
	{ NULL },
};

static const struct op layernorm_grad = {
	.name = "layernorm_grad",
	.summary = "gradients of layernorm's input, gain and bias",
	.nr_in = 6,
	.nr_out = 3,
	.strided_in = 2,
	.optional_in = 1 << 5,
	.compute_in = 1 << 0 | 1 << 1 | 1 << 5,
	.inplace = { 6 },
	.infer = layernorm_grad_infer,
	.cost = layernorm_grad_cost,
	.reduce = grad_reduce,
	.oracle = OP_TEST(layernorm_grad_oracle),
	.cases = OP_TEST(layernorm_grad_cases),
	.timed = OP_TEST(layernorm_grad_timed),
};
OP_REGISTER(layernorm_grad);

static const struct op_case add_layernorm_grad_cases[] = {
	{ "no sum", NULL, 5, { GRAD_CASE(BF16, 67, 131) } },
	{ "sum", NULL, 6, { GRAD_CASE(BF16, 131, 384), CASE_F32(2, 131, 384) } },
	{ "f32", NULL, 6, { GRAD_CASE(CASE_F32, 700, 131), CASE_F32(2, 700, 131) } },
	{ NULL },
};

static const struct op_case add_layernorm_grad_timed[] = {
	{ "6x384", NULL, 6, { GRAD_CASE(BF16, 4096, 384), CASE_F32(2, 4096, 384) } },
	{ "large", NULL, 6, { GRAD_CASE(BF16, 65536, 384), CASE_F32(2, 65536, 384) } },
	{ NULL },
};

static const struct op add_layernorm_grad = {
	.name = "add_layernorm_grad",
	.summary = "gradients of layernorm's input, in two types, gain and bias",
	.nr_in = 6,
	.nr_out = 4,
	.strided_in = 2,
	.optional_in = 1 << 5,
	.inplace = { 6 },
	.infer = add_layernorm_grad_infer,
	.cost = add_layernorm_grad_cost,
	.reduce = grad_reduce,
	.oracle = OP_TEST(layernorm_grad_oracle),
	.cases = OP_TEST(add_layernorm_grad_cases),
	.timed = OP_TEST(add_layernorm_grad_timed),
};
OP_REGISTER(add_layernorm_grad);
