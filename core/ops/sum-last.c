// SPDX-License-Identifier: MIT
#include "ops/sum-last.h"

#include "ops/broadcast-to.h"
#include "ops/rules.h"

static const struct op sum_last;

struct tensor *op_sum_last(struct graph *g, struct tensor *x)
{
	return graph_op(g, &sum_last, NULL, &x, 1);
}

static int sum_last_infer(const void *attr, const struct layout *in, int nr_in,
			  struct layout *out)
{
	int ret = rule_real("sum_last", "x", &in[0]);

	out[0] = rule_without_last(&in[0]);
	out[0].dtype = DT_F32;
	return ret ? ret : rule_rows("sum_last", "x", &in[0]);
}

static int sum_last_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	backward_add(b, n->in[0], op_broadcast_to(backward_graph(b), dout[0], n->in[0], true));
	return 0;
}

static void sum_last_cost(const void *attr, const struct layout *in, const struct layout *out,
			  struct cost *cost)
{
	cost->flops = layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 1) + rule_bytes(out, 1);
}

static int64_t sum_last_reduce(const void *attr, const struct layout *in,
			       const struct layout *out)
{
	return layout_last(&in[0]);
}

static int sum_last_oracle(const struct oracle_call *c)
{
	int64_t n = layout_last(&c->in_layout[0]);

	for (int64_t r = 0; r < layout_rows(&c->in_layout[0]); r++) {
		c->out[0][r] = 0;
		for (int64_t i = 0; i < n; i++)
			c->out[0][r] += c->in[0][r * n + i];
	}
	return 0;
}

static const struct op_case sum_last_cases[] = {
	{ "one", NULL, 1, { CASE_DIFF(1, 1) } },
	{ "vector", NULL, 1, { CASE_DIFF(1, 9) } },
	{ "odd", NULL, 1, { CASE_DIFF_EXT(7, 3, 3, 5, 7) } },
	{ "tiles", NULL, 1, { CASE_EXT(1, 2, 131, 384) } },
	{ "long rows", NULL, 1, { CASE_F32(2, 3, 20011) } },
	{ NULL },
};

static const struct op sum_last = {
	.name = "sum_last",
	.summary = "sums over the last dimension",
	.nr_in = 1,
	.nr_out = 1,
	.compute_in = 1,
	.infer = sum_last_infer,
	.grad = sum_last_backward,
	.cost = sum_last_cost,
	.reduce = sum_last_reduce,
	.oracle = OP_TEST(sum_last_oracle),
	.cases = OP_TEST(sum_last_cases),
};
OP_REGISTER(sum_last);
