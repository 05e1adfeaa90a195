// SPDX-License-Identifier: MIT
#include "ops/silu.h"

#include <math.h>

#include "ops/rules.h"

static const struct op silu, silu_grad;

struct tensor *op_silu(struct graph *g, struct tensor *x)
{
	return graph_op(g, &silu, NULL, &x, 1);
}

struct tensor *op_silu_grad(struct graph *g, struct tensor *dy, struct tensor *x)
{
	struct tensor *in[2] = { dy, x };

	return graph_op(g, &silu_grad, NULL, in, 2);
}

static int silu_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	out[0] = layout_like(&in[0], in[0].dtype);
	return rule_real("silu", "x", &in[0]);
}

static int silu_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	backward_add(b, n->in[0], op_silu_grad(backward_graph(b), dout[0], n->in[0]));
	return 0;
}

static void silu_cost(const void *attr, const struct layout *in, const struct layout *out,
		      struct cost *cost)
{
	cost->flops = 10.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 1) + rule_bytes(out, 1);
}

static int silu_oracle(const struct oracle_call *c)
{
	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++)
		c->out[0][i] = c->in[0][i] / (1 + exp(-c->in[0][i]));
	return 0;
}

static const struct op_case silu_cases[] = {
	{ "one", NULL, 1, { CASE_DIFF(1, 1) } },
	{ "odd", NULL, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "tiles", NULL, 1, { CASE_EXT(1, 2, 37, 1031) } },
	{ NULL },
};

static const struct op_case silu_timed[] = {
	{ "6x384", NULL, 1, { CASE_F32(2, 4096, 1536) } },
	{ "large", NULL, 1, { CASE_F32(2, 16384, 1536) } },
	{ NULL },
};

static const struct op silu = {
	.name = "silu",
	.summary = "sigmoid linear unit",
	.nr_in = 1,
	.nr_out = 1,
	.compute_in = 1,
	.inplace = { 1 },
	.infer = silu_infer,
	.grad = silu_backward,
	.cost = silu_cost,
	.oracle = OP_TEST(silu_oracle),
	.cases = OP_TEST(silu_cases),
	.timed = OP_TEST(silu_timed),
};
OP_REGISTER(silu);

/* ---- gradient ---------------------------------------------------------------- */

static int silu_grad_infer(const void *attr, const struct layout *in, int nr_in,
			   struct layout *out)
{
	int ret = rule_real("silu_grad", "x", &in[1]);

	if (!ret)
		ret = rule_twin("silu_grad", "dy", &in[0], "x", &in[1]);
	out[0] = layout_like(&in[1], in[1].dtype);
	return ret;
}

static void silu_grad_cost(const void *attr, const struct layout *in, const struct layout *out,
			   struct cost *cost)
{
	cost->flops = 14.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 1);
}

static int silu_grad_oracle(const struct oracle_call *c)
{
	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++) {
		double x = c->in[1][i], s = 1 / (1 + exp(-x));

		c->out[0][i] = c->in[0][i] * s * (1 + x * (1 - s));
	}
	return 0;
}

static const struct op_case silu_grad_cases[] = {
	{ "one", NULL, 2, { CASE_F32(1, 1), CASE_F32(1, 1) } },
	{ "odd", NULL, 2, { CASE_EXT(1, 2, 5, 7), CASE_EXT(1, 2, 5, 7) } },
	{ "tiles", NULL, 2, { CASE_F32(2, 37, 1031), CASE_F32(2, 37, 1031) } },
	{ NULL },
};

static const struct op_case silu_grad_timed[] = {
	{ "6x384", NULL, 2, { CASE_F32(2, 4096, 1536), CASE_F32(2, 4096, 1536) } },
	{ "large", NULL, 2, { CASE_F32(2, 16384, 1536), CASE_F32(2, 16384, 1536) } },
	{ NULL },
};

static const struct op silu_grad = {
	.name = "silu_grad",
	.summary = "gradient of silu",
	.nr_in = 2,
	.nr_out = 1,
	.compute_in = 3,
	.inplace = { 1 },
	.infer = silu_grad_infer,
	.cost = silu_grad_cost,
	.oracle = OP_TEST(silu_grad_oracle),
	.cases = OP_TEST(silu_grad_cases),
	.timed = OP_TEST(silu_grad_timed),
};
OP_REGISTER(silu_grad);
