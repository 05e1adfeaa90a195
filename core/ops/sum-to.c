// SPDX-License-Identifier: MIT
#include "ops/sum-to.h"

#include "base/fail.h"
#include "ops/broadcast-to.h"
#include "ops/rules.h"

static const struct op sum_to;

struct tensor *op_sum_to(struct graph *g, struct tensor *x, int nd)
{
	struct sum_to_attr attr = { .nd = nd };

	return graph_op(g, &sum_to, &attr, &x, 1);
}

static int sum_to_infer(const void *attr, const struct layout *in, int nr_in,
			struct layout *out)
{
	const struct sum_to_attr *a = attr;
	char text[SHAPE_TEXT];
	int ret = rule_real("sum_to", "x", &in[0]);

	if (ret)
		return ret;
	if (a->nd < 0 || a->nd > in[0].nd)
		return fail(-EINVAL, "sum_to: x is %s: cannot keep %d dimensions",
			    layout_text(&in[0], text), a->nd);
	out[0] = layout_make(DT_F32, a->nd, in[0].n + in[0].nd - a->nd);
	return 0;
}

static int sum_to_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	backward_add(b, n->in[0], op_broadcast_to(backward_graph(b), dout[0], n->in[0], false));
	return 0;
}

static void sum_to_cost(const void *attr, const struct layout *in, const struct layout *out,
			struct cost *cost)
{
	cost->flops = layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 1) + rule_bytes(out, 1);
}

static int64_t sum_to_reduce(const void *attr, const struct layout *in, const struct layout *out)
{
	return layout_count(&in[0]) / layout_count(&out[0]);
}

static int sum_to_oracle(const struct oracle_call *c)
{
	int64_t n = layout_count(&c->out_layout[0]);

	for (int64_t i = 0; i < n; i++)
		c->out[0][i] = 0;
	for (int64_t i = 0; i < layout_count(&c->in_layout[0]); i++)
		c->out[0][i % n] += c->in[0][i];
	return 0;
}

static const struct sum_to_attr keep0 = { 0 }, keep1 = { 1 }, keep2 = { 2 };

static const struct op_case sum_to_cases[] = {
	{ "one", &keep1, 1, { CASE_DIFF(2, 1, 1) } },
	{ "scalar", &keep0, 1, { CASE_DIFF(2, 3, 5) } },
	{ "nothing to sum", &keep2, 1, { CASE_DIFF(2, 3, 5) } },
	{ "rows", &keep1, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "batch", &keep2, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "chunks", &keep1, 1, { CASE_EXT(1, 2, 1500, 67) } },
	{ "many rows", &keep1, 1, { CASE_EXT(1, 2, 17000, 3) } },
	{ "wide", &keep1, 1, { CASE_F32(2, 5, 9001) } },
	{ NULL },
};

static const struct op sum_to = {
	.name = "sum_to",
	.summary = "sum over leading dimensions",
	.attr_size = sizeof(struct sum_to_attr),
	.nr_in = 1,
	.nr_out = 1,
	.compute_in = 1,
	.infer = sum_to_infer,
	.grad = sum_to_backward,
	.cost = sum_to_cost,
	.reduce = sum_to_reduce,
	.oracle = OP_TEST(sum_to_oracle),
	.cases = OP_TEST(sum_to_cases),
};
OP_REGISTER(sum_to);
