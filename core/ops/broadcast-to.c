// SPDX-License-Identifier: MIT
#include "ops/broadcast-to.h"

#include "base/fail.h"
#include "ops/rules.h"
#include "ops/sum-last.h"
#include "ops/sum-to.h"

static const struct op broadcast_to;

static struct tensor *make(struct graph *g, struct tensor *x, struct tensor *like,
			   struct broadcast_to_attr attr)
{
	struct tensor *in[2] = { x, like };

	return graph_op(g, &broadcast_to, &attr, in, 2);
}

struct tensor *op_broadcast_to(struct graph *g, struct tensor *x, struct tensor *like, bool last)
{
	return make(g, x, like, (struct broadcast_to_attr){ .last = last });
}

struct tensor *op_spread_to(struct graph *g, struct tensor *x, struct tensor *like, bool last)
{
	return make(g, x, like, (struct broadcast_to_attr){ .last = last, .average = true });
}

static int broadcast_to_infer(const void *attr, const struct layout *in, int nr_in,
			      struct layout *out)
{
	const struct broadcast_to_attr *a = attr;
	char x[SHAPE_TEXT], like[SHAPE_TEXT];
	struct layout part = in[1];
	int ret = rule_real("broadcast_to", "x", &in[0]);

	if (ret)
		return ret;
	if (a->last)
		part = rule_without_last(&in[1]);
	if (a->last ? !in[1].nd || !layout_same_shape(&in[0], &part)
		    : !rule_trailing(&in[1], &in[0]))
		return fail(-EINVAL, "broadcast_to: x is %s: must have the %s dimensions of %s",
			    layout_text(&in[0], x), a->last ? "leading" : "last",
			    layout_text(&in[1], like));
	out[0] = layout_like(&in[1], in[0].dtype);
	return 0;
}

static int broadcast_to_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	const struct broadcast_to_attr *a = n->attr;
	struct graph *g = backward_graph(b);
	struct tensor *x = n->in[0];

	if (a->average)
		return fail(-EOPNOTSUPP, "%s: the gradient of a mean is not differentiable again",
			    n->name);
	backward_add(b, x, a->last ? op_sum_last(g, dout[0])
				   : op_sum_to(g, dout[0], x->max.nd));
	return 0;
}

static void broadcast_to_cost(const void *attr, const struct layout *in,
			      const struct layout *out, struct cost *cost)
{
	cost->flops = 0;
	cost->bytes = rule_bytes(in, 1) + rule_bytes(out, 1);
}

static int broadcast_to_oracle(const struct oracle_call *c)
{
	const struct broadcast_to_attr *a = c->attr;
	int64_t n = layout_count(&c->out_layout[0]), nx = layout_count(&c->in_layout[0]);

	for (int64_t i = 0; i < n; i++) {
		double x = c->in[0][a->last ? i / (n / nx) : i % nx];

		c->out[0][i] = a->average ? x / (n / nx) : x;
	}
	return 0;
}

static const struct broadcast_to_attr leading = { false, false }, last = { true, false },
	mean = { false, true }, mean_last = { true, true };

static const struct op_case broadcast_to_cases[] = {
	{ "one", &leading, 2, { CASE_DIFF(1, 1), CASE_F32(1, 1) } },
	{ "scalar", &leading, 2, { CASE_DIFF(0), CASE_EXT(3, 2, 3, 5) } },
	{ "leading", &leading, 2, { CASE_DIFF(1, 7), CASE_EXT(3, 3, 3, 5, 7) } },
	{ "last", &last, 2, { CASE_DIFF_EXT(3, 2, 3, 5), CASE_EXT(3, 3, 3, 5, 7) } },
	{ "mean", &mean, 2, { CASE_F32(0), CASE_EXT(3, 3, 3, 5, 7) } },
	{ "mean of rows", &mean_last, 2, { CASE_EXT(1, 1, 5), CASE_EXT(1, 2, 5, 7) } },
	{ "tiles", &leading, 2, { CASE_F32(1, 1031), CASE_F32(2, 37, 1031) } },
	{ "scalar tiles", &leading, 2, { CASE_F32(0), CASE_F32(2, 37, 1031) } },
	{ "last tiles", &last, 2, { CASE_F32(1, 37), CASE_F32(2, 37, 1031) } },
	{ NULL },
};

static const struct op broadcast_to = {
	.name = "broadcast_to",
	.summary = "repeat along leading or the last dimension",
	.attr_size = sizeof(struct broadcast_to_attr),
	.nr_in = 2,
	.nr_out = 1,
	.strided_in = 2,
	.compute_in = 1,
	.infer = broadcast_to_infer,
	.grad = broadcast_to_backward,
	.cost = broadcast_to_cost,
	.oracle = OP_TEST(broadcast_to_oracle),
	.cases = OP_TEST(broadcast_to_cases),
};
OP_REGISTER(broadcast_to);
