// SPDX-License-Identifier: MIT
#include "ops/scale-by.h"

#include "ops/broadcast-to.h"
#include "ops/mul.h"
#include "ops/rules.h"
#include "ops/sum.h"

static const struct op scale_by;

struct tensor *op_scale_by(struct graph *g, struct tensor *x, struct tensor *s)
{
	struct tensor *in[2] = { x, s };

	return graph_op(g, &scale_by, NULL, in, 2);
}

static int scale_by_infer(const void *attr, const struct layout *in, int nr_in,
			  struct layout *out)
{
	int ret = rule_real("scale_by", "x", &in[0]);

	out[0] = layout_like(&in[0], in[0].dtype);
	return ret ? ret : rule_scalar("scale_by", "s", &in[1]);
}

static int scale_by_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	struct graph *g = backward_graph(b);
	struct tensor *x = n->in[0], *s = n->in[1];

	if (backward_needs(b, x))
		backward_add(b, x, op_scale_by(g, dout[0], s));
	if (backward_needs(b, s))	/* s may have dimensions of size 1 */
		backward_add(b, s, op_broadcast_to(g, op_sum(g, op_mul(g, dout[0], x)), s, false));
	return 0;
}

static void scale_by_cost(const void *attr, const struct layout *in, const struct layout *out,
			  struct cost *cost)
{
	cost->flops = layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 1);
}

static int scale_by_oracle(const struct oracle_call *c)
{
	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++)
		c->out[0][i] = c->in[0][i] * c->in[1][0];
	return 0;
}

static const struct op_case scale_by_cases[] = {
	{ "one", NULL, 2, { CASE_DIFF(1, 1), CASE_DIFF(0) } },
	{ "odd", NULL, 2, { CASE_DIFF_EXT(3, 3, 3, 5, 7), CASE_DIFF(1, 1) } },
	{ "tiles", NULL, 2, { CASE_EXT(1, 2, 37, 1031), CASE_F32(0) } },
	{ NULL },
};

static const struct op scale_by = {
	.name = "scale_by",
	.summary = "multiply by a scalar tensor",
	.nr_in = 2,
	.nr_out = 1,
	.compute_in = 1,
	.inplace = { 1 },
	.infer = scale_by_infer,
	.grad = scale_by_backward,
	.cost = scale_by_cost,
	.oracle = OP_TEST(scale_by_oracle),
	.cases = OP_TEST(scale_by_cases),
};
OP_REGISTER(scale_by);
