// SPDX-License-Identifier: MIT
#include "ops/sigmoid.h"

#include <math.h>

#include "ops/rules.h"

static const struct op sigmoid, sigmoid_grad;

struct tensor *op_sigmoid(struct graph *g, struct tensor *x)
{
	return graph_op(g, &sigmoid, NULL, &x, 1);
}

struct tensor *op_sigmoid_grad(struct graph *g, struct tensor *dy, struct tensor *y)
{
	struct tensor *in[2] = { dy, y };

	return graph_op(g, &sigmoid_grad, NULL, in, 2);
}

static int sigmoid_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	out[0] = layout_like(&in[0], in[0].dtype);
	return rule_real("sigmoid", "x", &in[0]);
}

static int sigmoid_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	backward_add(b, n->in[0], op_sigmoid_grad(backward_graph(b), dout[0], n->out[0]));
	return 0;
}

static void sigmoid_cost(const void *attr, const struct layout *in, const struct layout *out,
			 struct cost *cost)
{
	cost->flops = 10.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 1) + rule_bytes(out, 1);
}

static int sigmoid_oracle(const struct oracle_call *c)
{
	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++)
		c->out[0][i] = 1 / (1 + exp(-c->in[0][i]));
	return 0;
}

static const struct op_case sigmoid_cases[] = {
	{ "one", NULL, 1, { CASE_DIFF(1, 1) } },
	{ "odd", NULL, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "tiles", NULL, 1, { CASE_EXT(1, 2, 37, 1031) } },
	{ .name = NULL },
};

static const struct op sigmoid = {
	.name = "sigmoid",
	.summary = "1 / (1 + exp(-x))",
	.nr_in = 1,
	.nr_out = 1,
	.compute_in = 1,
	.inplace = { 1 },
	.infer = sigmoid_infer,
	.grad = sigmoid_backward,
	.cost = sigmoid_cost,
	.oracle = OP_TEST(sigmoid_oracle),
	.cases = OP_TEST(sigmoid_cases),
};
OP_REGISTER(sigmoid);

/* ---- gradient ---------------------------------------------------------------- */

static int sigmoid_grad_infer(const void *attr, const struct layout *in, int nr_in,
			      struct layout *out)
{
	int ret = rule_real("sigmoid_grad", "y", &in[1]);

	if (!ret)
		ret = rule_twin("sigmoid_grad", "dy", &in[0], "y", &in[1]);
	out[0] = layout_like(&in[1], in[1].dtype);
	return ret;
}

static void sigmoid_grad_cost(const void *attr, const struct layout *in,
			      const struct layout *out, struct cost *cost)
{
	cost->flops = 3.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 1);
}

static int sigmoid_grad_oracle(const struct oracle_call *c)
{
	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++)
		c->out[0][i] = c->in[0][i] * c->in[1][i] * (1 - c->in[1][i]);
	return 0;
}

static const struct op_case sigmoid_grad_cases[] = {
	{ "one", NULL, 2, { CASE_F32(1, 1), CASE_F32(1, 1) } },
	{ "odd", NULL, 2, { CASE_EXT(3, 3, 3, 5, 7), CASE_EXT(3, 3, 3, 5, 7) } },
	{ "tiles", NULL, 2, { CASE_F32(2, 37, 1031), CASE_F32(2, 37, 1031) } },
	{ .name = NULL },
};

static const struct op sigmoid_grad = {
	.name = "sigmoid_grad",
	.summary = "gradient of sigmoid from its output",
	.nr_in = 2,
	.nr_out = 1,
	.compute_in = 3,
	.inplace = { 1 },
	.infer = sigmoid_grad_infer,
	.cost = sigmoid_grad_cost,
	.oracle = OP_TEST(sigmoid_grad_oracle),
	.cases = OP_TEST(sigmoid_grad_cases),
};
OP_REGISTER(sigmoid_grad);
