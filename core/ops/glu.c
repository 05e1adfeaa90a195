// SPDX-License-Identifier: MIT
#include "ops/glu.h"

#include <math.h>

#include "ops/contiguous.h"
#include "ops/rules.h"

#define SQRT_2_OVER_PI 0.79788456080286535588

static const struct op glu, glu_grad;

struct tensor *op_glu(struct graph *g, struct tensor *gate, struct tensor *up, enum glu_act act)
{
	struct glu_attr attr = { .act = act };
	struct tensor *in[2] = { op_contiguous_rows(g, gate), op_contiguous_rows(g, up) };

	return graph_op(g, &glu, &attr, in, 2);
}

struct tensor *op_glu_grad(struct graph *g, struct tensor *dy, struct tensor *gate,
			   struct tensor *up, enum glu_act act, struct tensor **dup)
{
	struct glu_attr attr = { .act = act };
	struct tensor *in[3] = { dy, op_contiguous_rows(g, gate), op_contiguous_rows(g, up) };
	struct node *n = graph_node(g, &glu_grad, &attr, in, 3);

	*dup = n ? n->out[1] : NULL;
	return n ? n->out[0] : NULL;
}

static int check_gate(const char *op, const struct layout *gate, const struct layout *up)
{
	int ret = rule_real(op, "gate", gate);

	if (!ret)
		ret = rule_rows(op, "gate", gate);
	if (!ret)
		ret = rule_twin(op, "up", up, "gate", gate);
	return ret ? ret : rule_rows(op, "up", up);
}

static int glu_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	out[0] = layout_like(&in[0], in[0].dtype);
	return check_gate("glu", &in[0], &in[1]);
}

static int glu_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	const struct glu_attr *a = n->attr;
	struct tensor *dgate, *dup;

	dgate = op_glu_grad(backward_graph(b), dout[0], n->in[0], n->in[1], a->act, &dup);
	backward_add(b, n->in[0], dgate);
	backward_add(b, n->in[1], dup);
	return 0;
}

static void glu_cost(const void *attr, const struct layout *in, const struct layout *out,
		     struct cost *cost)
{
	cost->flops = 12.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 1);
}

static double act_value(enum glu_act act, double x)
{
	switch (act) {
	case GLU_SILU:
		return x / (1 + exp(-x));
	case GLU_GELU:
		return 0.5 * x * (1 + tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x)));
	default:
		return 0.5 * x * erfc(-x * M_SQRT1_2);
	}
}

static int glu_oracle(const struct oracle_call *c)
{
	const struct glu_attr *a = c->attr;

	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++)
		c->out[0][i] = act_value(a->act, c->in[0][i]) * c->in[1][i];
	return 0;
}

static const struct glu_attr silu_act = { GLU_SILU }, gelu_act = { GLU_GELU },
	exact_act = { GLU_GELU_EXACT };

static const struct op_case glu_cases[] = {
	{ "one", &silu_act, 2, { CASE_DIFF(1, 1), CASE_DIFF(1, 1) } },
	{ "odd", &silu_act, 2, { CASE_DIFF_EXT(3, 3, 3, 5, 7), CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "gelu", &gelu_act, 2, { CASE_DIFF(2, 5, 17), CASE_DIFF(2, 5, 17) } },
	{ "exact", &exact_act, 2, { CASE_DIFF(2, 5, 17), CASE_DIFF(2, 5, 17) } },
	{ "tiles", &silu_act, 2, { CASE_F32(2, 37, 1031), CASE_F32(2, 37, 1031) } },
	{ "wide", &gelu_act, 2, { CASE_F32(2, 2, 20011), CASE_F32(2, 2, 20011) } },
	{ NULL },
};

static const struct op_case glu_timed[] = {
	{ "6x384", &silu_act, 2, { CASE_F32(2, 4096, 1024), CASE_F32(2, 4096, 1024) } },
	{ "large", &silu_act, 2, { CASE_F32(2, 16384, 1024), CASE_F32(2, 16384, 1024) } },
	{ NULL },
};

static const struct op glu = {
	.name = "glu",
	.summary = "gated MLP: act(gate) * up",
	.attr_size = sizeof(struct glu_attr),
	.nr_in = 2,
	.nr_out = 1,
	.strided_in = 3,
	.compute_in = 3,
	.inplace = { 2 },
	.infer = glu_infer,
	.grad = glu_backward,
	.cost = glu_cost,
	.oracle = OP_TEST(glu_oracle),
	.cases = OP_TEST(glu_cases),
	.timed = OP_TEST(glu_timed),
};
OP_REGISTER(glu);

/* ---- gradient ---------------------------------------------------------------- */

static int glu_grad_infer(const void *attr, const struct layout *in, int nr_in,
			  struct layout *out)
{
	int ret = check_gate("glu_grad", &in[1], &in[2]);

	if (!ret)
		ret = rule_twin("glu_grad", "dy", &in[0], "gate", &in[1]);
	out[0] = layout_like(&in[1], in[1].dtype);
	out[1] = out[0];
	return ret;
}

static void glu_grad_cost(const void *attr, const struct layout *in, const struct layout *out,
			  struct cost *cost)
{
	cost->flops = 18.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 3) + rule_bytes(out, 2);
}

static double act_slope(enum glu_act act, double x)
{
	double s = 1 / (1 + exp(-x)), t;

	switch (act) {
	case GLU_SILU:
		return s * (1 + x * (1 - s));
	case GLU_GELU:
		t = tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x));
		return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * SQRT_2_OVER_PI *
		       (1 + 3 * 0.044715 * x * x);
	default:
		return 0.5 * erfc(-x * M_SQRT1_2) +
		       x * exp(-0.5 * x * x) * 0.5 * M_2_SQRTPI * M_SQRT1_2;
	}
}

static int glu_grad_oracle(const struct oracle_call *c)
{
	const struct glu_attr *a = c->attr;

	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++) {
		double dy = c->in[0][i], gate = c->in[1][i], up = c->in[2][i];

		c->out[0][i] = dy * up * act_slope(a->act, gate);
		c->out[1][i] = dy * act_value(a->act, gate);
	}
	return 0;
}

static const struct op_case glu_grad_cases[] = {
	{ "one", &silu_act, 3, { CASE_F32(1, 1), CASE_F32(1, 1), CASE_F32(1, 1) } },
	{ "odd", &silu_act, 3,
	  { CASE_EXT(1, 2, 5, 7), CASE_EXT(1, 2, 5, 7), CASE_EXT(1, 2, 5, 7) } },
	{ "gelu", &gelu_act, 3, { CASE_F32(2, 5, 17), CASE_F32(2, 5, 17), CASE_F32(2, 5, 17) } },
	{ "exact", &exact_act, 3, { CASE_F32(2, 5, 17), CASE_F32(2, 5, 17), CASE_F32(2, 5, 17) } },
	{ "tiles", &silu_act, 3,
	  { CASE_F32(2, 37, 1031), CASE_F32(2, 37, 1031), CASE_F32(2, 37, 1031) } },
	{ NULL },
};

static const struct op_case glu_grad_timed[] = {
	{ "6x384", &silu_act, 3,
	  { CASE_F32(2, 4096, 1024), CASE_F32(2, 4096, 1024), CASE_F32(2, 4096, 1024) } },
	{ "large", &silu_act, 3,
	  { CASE_F32(2, 16384, 1024), CASE_F32(2, 16384, 1024), CASE_F32(2, 16384, 1024) } },
	{ NULL },
};

static const struct op glu_grad = {
	.name = "glu_grad",
	.summary = "gradients of glu",
	.attr_size = sizeof(struct glu_attr),
	.nr_in = 3,
	.nr_out = 2,
	.strided_in = 6,
	.compute_in = 7,
	.inplace = { 1, 3 },
	.infer = glu_grad_infer,
	.cost = glu_grad_cost,
	.oracle = OP_TEST(glu_grad_oracle),
	.cases = OP_TEST(glu_grad_cases),
	.timed = OP_TEST(glu_grad_timed),
};
OP_REGISTER(glu_grad);
