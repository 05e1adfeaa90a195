// SPDX-License-Identifier: MIT
#include "ops/gelu.h"

#include <math.h>

#include "ops/rules.h"

#define SQRT_2_OVER_PI 0.79788456080286535588

static const struct op gelu, gelu_grad;

struct tensor *op_gelu(struct graph *g, struct tensor *x, bool exact)
{
	struct gelu_attr attr = { .exact = exact };

	return graph_op(g, &gelu, &attr, &x, 1);
}

struct tensor *op_gelu_grad(struct graph *g, struct tensor *dy, struct tensor *x, bool exact)
{
	struct gelu_attr attr = { .exact = exact };
	struct tensor *in[2] = { dy, x };

	return graph_op(g, &gelu_grad, &attr, in, 2);
}

static int gelu_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	out[0] = layout_like(&in[0], in[0].dtype);
	return rule_real("gelu", "x", &in[0]);
}

static int gelu_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	const struct gelu_attr *a = n->attr;

	backward_add(b, n->in[0], op_gelu_grad(backward_graph(b), dout[0], n->in[0], a->exact));
	return 0;
}

static void gelu_cost(const void *attr, const struct layout *in, const struct layout *out,
		      struct cost *cost)
{
	cost->flops = 14.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 1) + rule_bytes(out, 1);
}

static int gelu_oracle(const struct oracle_call *c)
{
	const struct gelu_attr *a = c->attr;

	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++) {
		double x = c->in[0][i];

		if (a->exact)
			c->out[0][i] = 0.5 * x * erfc(-x * M_SQRT1_2);
		else
			c->out[0][i] = 0.5 * x * (1 + tanh(SQRT_2_OVER_PI *
							   (x + 0.044715 * x * x * x)));
	}
	return 0;
}

static const struct gelu_attr by_tanh = { .exact = false }, by_erf = { .exact = true };

static const struct op_case gelu_cases[] = {
	{ "one", &by_tanh, 1, { CASE_DIFF(1, 1) } },
	{ "scalar", &by_tanh, 1, { CASE_DIFF(0) } },
	{ "odd", &by_tanh, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "tiles", &by_tanh, 1, { CASE_EXT(1, 2, 37, 1031) } },
	{ "exact one", &by_erf, 1, { CASE_DIFF(1, 1) } },
	{ "exact odd", &by_erf, 1, { CASE_DIFF_EXT(1, 2, 9, 17) } },
	{ "exact tiles", &by_erf, 1, { CASE_F32(2, 37, 1031) } },
	{ NULL },
};

static const struct op_case gelu_timed[] = {
	{ "6x384", &by_tanh, 1, { CASE_F32(2, 4096, 1536) } },
	{ "large", &by_tanh, 1, { CASE_F32(2, 16384, 1536) } },
	{ "exact", &by_erf, 1, { CASE_F32(2, 4096, 1536) } },
	{ NULL },
};

static const struct op gelu = {
	.name = "gelu",
	.summary = "Gaussian error linear unit, by tanh or exact",
	.attr_size = sizeof(struct gelu_attr),
	.nr_in = 1,
	.nr_out = 1,
	.compute_in = 1,
	.inplace = { 1 },
	.infer = gelu_infer,
	.grad = gelu_backward,
	.cost = gelu_cost,
	.oracle = OP_TEST(gelu_oracle),
	.cases = OP_TEST(gelu_cases),
	.timed = OP_TEST(gelu_timed),
};
OP_REGISTER(gelu);

/* ---- gradient ---------------------------------------------------------------- */

static int gelu_grad_infer(const void *attr, const struct layout *in, int nr_in,
			   struct layout *out)
{
	int ret = rule_real("gelu_grad", "x", &in[1]);

	if (!ret)
		ret = rule_twin("gelu_grad", "dy", &in[0], "x", &in[1]);
	out[0] = layout_like(&in[1], in[1].dtype);
	return ret;
}

static void gelu_grad_cost(const void *attr, const struct layout *in, const struct layout *out,
			   struct cost *cost)
{
	cost->flops = 22.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 1);
}

static int gelu_grad_oracle(const struct oracle_call *c)
{
	const struct gelu_attr *a = c->attr;

	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++) {
		double dy = c->in[0][i], x = c->in[1][i];
		double t = tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x));
		double slope = 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * SQRT_2_OVER_PI *
			       (1 + 3 * 0.044715 * x * x);

		if (a->exact)	/* Phi(x) + x phi(x) */
			slope = 0.5 * erfc(-x * M_SQRT1_2) +
				x * exp(-0.5 * x * x) * 0.5 * M_2_SQRTPI * M_SQRT1_2;
		c->out[0][i] = dy * slope;
	}
	return 0;
}

static const struct op_case gelu_grad_cases[] = {
	{ "one", &by_tanh, 2, { CASE_F32(1, 1), CASE_F32(1, 1) } },
	{ "odd", &by_tanh, 2, { CASE_EXT(1, 2, 5, 7), CASE_EXT(1, 2, 5, 7) } },
	{ "tiles", &by_tanh, 2, { CASE_F32(2, 37, 1031), CASE_F32(2, 37, 1031) } },
	{ "exact odd", &by_erf, 2, { CASE_F32(2, 5, 7), CASE_F32(2, 5, 7) } },
	{ "exact tiles", &by_erf, 2, { CASE_F32(2, 37, 1031), CASE_F32(2, 37, 1031) } },
	{ NULL },
};

static const struct op_case gelu_grad_timed[] = {
	{ "6x384", &by_tanh, 2, { CASE_F32(2, 4096, 1536), CASE_F32(2, 4096, 1536) } },
	{ "large", &by_tanh, 2, { CASE_F32(2, 16384, 1536), CASE_F32(2, 16384, 1536) } },
	{ "exact", &by_erf, 2, { CASE_F32(2, 4096, 1536), CASE_F32(2, 4096, 1536) } },
	{ NULL },
};

static const struct op gelu_grad = {
	.name = "gelu_grad",
	.summary = "gradient of gelu",
	.attr_size = sizeof(struct gelu_attr),
	.nr_in = 2,
	.nr_out = 1,
	.compute_in = 3,
	.inplace = { 1 },
	.infer = gelu_grad_infer,
	.cost = gelu_grad_cost,
	.oracle = OP_TEST(gelu_grad_oracle),
	.cases = OP_TEST(gelu_grad_cases),
	.timed = OP_TEST(gelu_grad_timed),
};
OP_REGISTER(gelu_grad);
