// SPDX-License-Identifier: MIT
#include "ops/sum.h"

#include "ops/broadcast-to.h"
#include "ops/rules.h"

static const struct op sum;

struct tensor *op_sum(struct graph *g, struct tensor *x)
{
	return graph_op(g, &sum, NULL, &x, 1);
}

static int sum_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	out[0] = layout_make(DT_F32, 0, NULL);
	return rule_real("sum", "x", &in[0]);
}

static int sum_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	backward_add(b, n->in[0], op_broadcast_to(backward_graph(b), dout[0], n->in[0], false));
	return 0;
}

static void sum_cost(const void *attr, const struct layout *in, const struct layout *out,
		     struct cost *cost)
{
	cost->flops = layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 1);
}

static int64_t sum_reduce(const void *attr, const struct layout *in, const struct layout *out)
{
	return layout_count(&in[0]);
}

static int sum_oracle(const struct oracle_call *c)
{
	c->out[0][0] = 0;
	for (int64_t i = 0; i < layout_count(&c->in_layout[0]); i++)
		c->out[0][0] += c->in[0][i];
	return 0;
}

static const struct op_case sum_cases[] = {
	{ "one", NULL, 1, { CASE_DIFF(1, 1) } },
	{ "scalar", NULL, 1, { CASE_DIFF(0) } },
	{ "odd", NULL, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "chunks", NULL, 1, { CASE_EXT(1, 2, 37, 1031) } },
	{ "tiles", NULL, 1, { CASE_F32(1, 300007) } },
	{ NULL },
};

static const struct op sum = {
	.name = "sum",
	.summary = "sum of all elements",
	.nr_in = 1,
	.nr_out = 1,
	.compute_in = 1,
	.infer = sum_infer,
	.grad = sum_backward,
	.cost = sum_cost,
	.reduce = sum_reduce,
	.oracle = OP_TEST(sum_oracle),
	.cases = OP_TEST(sum_cases),
};
OP_REGISTER(sum);
