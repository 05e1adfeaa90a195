// SPDX-License-Identifier: MIT
#include "ops/scale.h"

#include "ops/rules.h"

static const struct op scale;

struct tensor *op_scale(struct graph *g, struct tensor *x, float factor)
{
	struct scale_attr attr = { .factor = factor };

	return graph_op(g, &scale, &attr, &x, 1);
}

static int scale_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	out[0] = layout_like(&in[0], in[0].dtype);
	return rule_real("scale", "x", &in[0]);
}

static int scale_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	const struct scale_attr *a = n->attr;

	backward_add(b, n->in[0], op_scale(backward_graph(b), dout[0], a->factor));
	return 0;
}

static void scale_cost(const void *attr, const struct layout *in, const struct layout *out,
		       struct cost *cost)
{
	cost->flops = layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 1) + rule_bytes(out, 1);
}

static int scale_oracle(const struct oracle_call *c)
{
	const struct scale_attr *a = c->attr;

	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++)
		c->out[0][i] = a->factor * c->in[0][i];
	return 0;
}

static const struct scale_attr third = { 1.0f / 3 }, minus = { -1 };

static const struct op_case scale_cases[] = {
	{ "one", &third, 1, { CASE_DIFF(1, 1) } },
	{ "odd", &minus, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "tiles", &third, 1, { CASE_EXT(1, 2, 37, 1031) } },
	{ NULL },
};

static const struct op scale = {
	.name = "scale",
	.summary = "multiply by a constant",
	.attr_size = sizeof(struct scale_attr),
	.nr_in = 1,
	.nr_out = 1,
	.compute_in = 1,
	.inplace = { 1 },
	.infer = scale_infer,
	.grad = scale_backward,
	.cost = scale_cost,
	.oracle = OP_TEST(scale_oracle),
	.cases = OP_TEST(scale_cases),
};
OP_REGISTER(scale);
