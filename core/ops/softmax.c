// SPDX-License-Identifier: MIT
#include "ops/softmax.h"

#include <math.h>

#include "ops/rules.h"

static const struct op softmax, softmax_grad;

struct tensor *op_softmax(struct graph *g, struct tensor *x)
{
	return graph_op(g, &softmax, NULL, &x, 1);
}

struct tensor *op_softmax_grad(struct graph *g, struct tensor *dy, struct tensor *y)
{
	struct tensor *in[2] = { dy, y };

	return graph_op(g, &softmax_grad, NULL, in, 2);
}

static int softmax_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	int ret = rule_f32("softmax", "x", &in[0]);

	if (!ret)
		ret = rule_rows("softmax", "x", &in[0]);
	out[0] = layout_like(&in[0], DT_F32);
	return ret;
}

static int softmax_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	backward_add(b, n->in[0], op_softmax_grad(backward_graph(b), dout[0], n->out[0]));
	return 0;
}

static void softmax_cost(const void *attr, const struct layout *in, const struct layout *out,
			 struct cost *cost)
{
	cost->flops = 5.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 1) + rule_bytes(out, 1);
}

static int64_t softmax_reduce(const void *attr, const struct layout *in, const struct layout *out)
{
	return layout_last(&in[0]);
}

static int softmax_oracle(const struct oracle_call *c)
{
	int64_t n = layout_last(&c->in_layout[0]);

	for (int64_t r = 0; r < layout_rows(&c->in_layout[0]); r++) {
		const double *x = c->in[0] + r * n;
		double *y = c->out[0] + r * n;
		double max = -INFINITY, sum = 0;

		for (int64_t i = 0; i < n; i++)
			max = fmax(max, x[i]);
		for (int64_t i = 0; i < n; i++)
			sum += exp(x[i] - max);
		for (int64_t i = 0; i < n; i++)
			y[i] = exp(x[i] - max) / sum;
	}
	return 0;
}

static const struct op_case softmax_cases[] = {
	{ "one", NULL, 1, { CASE_DIFF(1, 1) } },
	{ "vector", NULL, 1, { CASE_DIFF(1, 19) } },
	{ "odd", NULL, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "long rows", NULL, 1, { CASE_F32(2, 9, 4099) } },
	{ "many rows", NULL, 1, { CASE_EXT(1, 2, 1031, 17) } },
	{ .name = NULL },
};

static const struct op softmax = {
	.name = "softmax",
	.summary = "softmax over the last dimension",
	.nr_in = 1,
	.nr_out = 1,
	.inplace = { 1 },
	.infer = softmax_infer,
	.grad = softmax_backward,
	.cost = softmax_cost,
	.reduce = softmax_reduce,
	.oracle = OP_TEST(softmax_oracle),
	.cases = OP_TEST(softmax_cases),
};
OP_REGISTER(softmax);

/* ---- gradient ---------------------------------------------------------------- */

static int softmax_grad_infer(const void *attr, const struct layout *in, int nr_in,
			      struct layout *out)
{
	int ret = rule_f32("softmax_grad", "y", &in[1]);

	if (!ret)
		ret = rule_rows("softmax_grad", "y", &in[1]);
	if (!ret)
		ret = rule_like("softmax_grad", "dy", &in[0], "y", &in[1]);
	out[0] = layout_like(&in[1], DT_F32);
	return ret;
}

static void softmax_grad_cost(const void *attr, const struct layout *in,
			      const struct layout *out, struct cost *cost)
{
	cost->flops = 4.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 1);
}

static int softmax_grad_oracle(const struct oracle_call *c)
{
	int64_t n = layout_last(&c->in_layout[0]);

	for (int64_t r = 0; r < layout_rows(&c->in_layout[0]); r++) {
		const double *dy = c->in[0] + r * n, *y = c->in[1] + r * n;
		double *dx = c->out[0] + r * n;
		double dot = 0;

		for (int64_t i = 0; i < n; i++)
			dot += dy[i] * y[i];
		for (int64_t i = 0; i < n; i++)
			dx[i] = y[i] * (dy[i] - dot);
	}
	return 0;
}

static const struct op_case softmax_grad_cases[] = {
	{ "one", NULL, 2, { CASE_F32(1, 1), CASE_F32(1, 1) } },
	{ "odd", NULL, 2, { CASE_EXT(3, 3, 3, 5, 7), CASE_EXT(3, 3, 3, 5, 7) } },
	{ "long rows", NULL, 2, { CASE_F32(2, 9, 4099), CASE_F32(2, 9, 4099) } },
	{ "many rows", NULL, 2, { CASE_F32(2, 1031, 17), CASE_F32(2, 1031, 17) } },
	{ .name = NULL },
};

static const struct op softmax_grad = {
	.name = "softmax_grad",
	.summary = "gradient of softmax from its output",
	.nr_in = 2,
	.nr_out = 1,
	.inplace = { 1 },
	.infer = softmax_grad_infer,
	.cost = softmax_grad_cost,
	.reduce = softmax_reduce,
	.oracle = OP_TEST(softmax_grad_oracle),
	.cases = OP_TEST(softmax_grad_cases),
};
OP_REGISTER(softmax_grad);
