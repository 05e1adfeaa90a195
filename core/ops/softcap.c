// SPDX-License-Identifier: MIT
#include "ops/softcap.h"

#include <math.h>

#include "base/fail.h"
#include "ops/rules.h"
#include "tensor/graph.h"

static const struct op softcap, softcap_grad;

static int infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	const struct softcap_attr *a = attr;

	if (!(a->cap > 0))
		return fail(-EINVAL, "softcap: cap %g must be positive", a->cap);
	out[0] = layout_like(&in[0], in[0].dtype);
	if (nr_in == 2)
		return rule_twin("softcap_grad", "dy", &in[0], "x", &in[1]);
	return rule_real("softcap", "x", &in[0]);
}

/* y' = 1 - tanh^2(x / cap) */
static int grad(struct backward *b, struct node *n, struct tensor *const *dout)
{
	struct tensor *in[2] = { dout[0], n->in[0] };

	backward_add(b, n->in[0],
		     graph_op(backward_graph(b), &softcap_grad, n->attr, in, 2));
	return 0;
}

static void cost(const void *attr, const struct layout *in, const struct layout *out,
		 struct cost *c)
{
	(void)attr;
	(void)in;
	c->flops = 10.0 * (double)layout_count(&out[0]);
	c->bytes = 2.0 * (double)layout_bytes(&out[0]);
}

static int oracle(const struct oracle_call *c)
{
	double cap = ((const struct softcap_attr *)c->attr)->cap;

	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++)
		c->out[0][i] = cap * tanh(c->in[0][i] / cap);
	return 0;
}

static int grad_oracle(const struct oracle_call *c)
{
	double cap = ((const struct softcap_attr *)c->attr)->cap;

	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++) {
		double e = cosh(c->in[1][i] / cap);

		c->out[0][i] = c->in[0][i] / (e * e);
	}
	return 0;
}

static const struct softcap_attr thirty = { 30 }, half = { 0.5f };

static const struct op_case cases[] = {
	{ "one", &half, 1, { CASE_DIFF(1, 1) } },
	{ "odd", &thirty, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "tiles", &half, 1, { CASE_F32(2, 65, 300) } },
	{ .name = NULL },
};

static const struct op_case grad_cases[] = {
	{ "one", &half, 2, { CASE_F32(1, 1), CASE_F32(1, 1) } },
	{ "tiles", &thirty, 2, { CASE_F32(2, 65, 300),
				 CASE_F32(2, 65, 300) } },
	{ .name = NULL },
};

static const struct op softcap = {
	.name = "softcap",
	.summary = "cap * tanh(x / cap)",
	.attr_size = sizeof(struct softcap_attr),
	.nr_in = 1,
	.nr_out = 1,
	.compute_in = 1,
	.inplace = { 1 },
	.infer = infer,
	.grad = grad,
	.cost = cost,
	.oracle = OP_TEST(oracle),
	.cases = OP_TEST(cases),
};
OP_REGISTER(softcap);

static const struct op softcap_grad = {
	.name = "softcap_grad",
	.summary = "gradient of softcap from dy and x",
	.attr_size = sizeof(struct softcap_attr),
	.nr_in = 2,
	.nr_out = 1,
	.compute_in = 3,
	.inplace = { 1 },
	.infer = infer,
	.cost = cost,
	.oracle = OP_TEST(grad_oracle),
	.cases = OP_TEST(grad_cases),
};
OP_REGISTER(softcap_grad);

struct tensor *op_softcap(struct graph *g, struct tensor *x, float cap)
{
	struct softcap_attr attr = { cap };

	return graph_op(g, &softcap, &attr, &x, 1);
}
