// SPDX-License-Identifier: MIT
#include "ops/relu2.h"

#include "ops/rules.h"

static const struct op relu2, relu2_grad;

struct tensor *op_relu2(struct graph *g, struct tensor *x)
{
	return graph_op(g, &relu2, NULL, &x, 1);
}

struct tensor *op_relu2_grad(struct graph *g, struct tensor *dy, struct tensor *x)
{
	struct tensor *in[2] = { dy, x };

	return graph_op(g, &relu2_grad, NULL, in, 2);
}

static int relu2_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	out[0] = layout_like(&in[0], in[0].dtype);
	return rule_real("relu2", "x", &in[0]);
}

static int relu2_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	backward_add(b, n->in[0], op_relu2_grad(backward_graph(b), dout[0], n->in[0]));
	return 0;
}

static void relu2_cost(const void *attr, const struct layout *in, const struct layout *out,
		       struct cost *cost)
{
	cost->flops = 2.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 1) + rule_bytes(out, 1);
}

static int relu2_oracle(const struct oracle_call *c)
{
	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++) {
		double x = c->in[0][i];

		c->out[0][i] = x > 0 ? x * x : 0;
	}
	return 0;
}

static const struct op_case relu2_cases[] = {
	{ "one", NULL, 1, { CASE_DIFF(1, 1) } },
	{ "odd", NULL, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "tiles", NULL, 1, { CASE_EXT(1, 2, 37, 1031) } },
	{ NULL },
};

static const struct op_case relu2_timed[] = {
	{ "6x384", NULL, 1, { CASE_F32(2, 4096, 1536) } },
	{ "large", NULL, 1, { CASE_F32(2, 16384, 1536) } },
	{ NULL },
};

static const struct op relu2 = {
	.name = "relu2",
	.summary = "squared rectifier",
	.nr_in = 1,
	.nr_out = 1,
	.compute_in = 1,
	.inplace = { 1 },
	.infer = relu2_infer,
	.grad = relu2_backward,
	.cost = relu2_cost,
	.oracle = OP_TEST(relu2_oracle),
	.cases = OP_TEST(relu2_cases),
	.timed = OP_TEST(relu2_timed),
};
OP_REGISTER(relu2);

/* ---- gradient ---------------------------------------------------------------- */

static int relu2_grad_infer(const void *attr, const struct layout *in, int nr_in,
			    struct layout *out)
{
	int ret = rule_real("relu2_grad", "x", &in[1]);

	if (!ret)
		ret = rule_twin("relu2_grad", "dy", &in[0], "x", &in[1]);
	out[0] = layout_like(&in[1], in[1].dtype);
	return ret;
}

static void relu2_grad_cost(const void *attr, const struct layout *in, const struct layout *out,
			    struct cost *cost)
{
	cost->flops = 3.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 1);
}

static int relu2_grad_oracle(const struct oracle_call *c)
{
	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++) {
		double dy = c->in[0][i], x = c->in[1][i];

		c->out[0][i] = x > 0 ? 2 * dy * x : 0;
	}
	return 0;
}

static const struct op_case relu2_grad_cases[] = {
	{ "one", NULL, 2, { CASE_F32(1, 1), CASE_F32(1, 1) } },
	{ "odd", NULL, 2, { CASE_EXT(1, 2, 5, 7), CASE_EXT(1, 2, 5, 7) } },
	{ "tiles", NULL, 2, { CASE_F32(2, 37, 1031), CASE_F32(2, 37, 1031) } },
	{ NULL },
};

static const struct op_case relu2_grad_timed[] = {
	{ "6x384", NULL, 2, { CASE_F32(2, 4096, 1536), CASE_F32(2, 4096, 1536) } },
	{ "large", NULL, 2, { CASE_F32(2, 16384, 1536), CASE_F32(2, 16384, 1536) } },
	{ NULL },
};

static const struct op relu2_grad = {
	.name = "relu2_grad",
	.summary = "gradient of relu2",
	.nr_in = 2,
	.nr_out = 1,
	.compute_in = 3,
	.inplace = { 1 },
	.infer = relu2_grad_infer,
	.cost = relu2_grad_cost,
	.oracle = OP_TEST(relu2_grad_oracle),
	.cases = OP_TEST(relu2_grad_cases),
	.timed = OP_TEST(relu2_grad_timed),
};
OP_REGISTER(relu2_grad);
