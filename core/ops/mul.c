// SPDX-License-Identifier: MIT
#include "ops/mul.h"

#include "base/fail.h"
#include "ops/rules.h"
#include "ops/sum-to.h"

static const struct op mul;

struct tensor *op_mul(struct graph *g, struct tensor *a, struct tensor *b)
{
	struct tensor *in[2] = { a, b };

	return graph_op(g, &mul, NULL, in, 2);
}

static int mul_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	char a[SHAPE_TEXT], b[SHAPE_TEXT];
	int ret = rule_real("mul", "a", &in[0]);

	if (!ret)
		ret = rule_real("mul", "b", &in[1]);
	if (!ret && !rule_trailing(&in[0], &in[1]))
		ret = fail(-EINVAL, "mul: b, %s, must have the last dimensions of a, %s",
			   layout_text(&in[1], b), layout_text(&in[0], a));
	out[0] = layout_like(&in[0], in[0].dtype);
	return ret;
}

static int mul_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	struct graph *g = backward_graph(b);
	struct tensor *x = n->in[0], *y = n->in[1], *dy;

	if (backward_needs(b, x))
		backward_add(b, x, op_mul(g, dout[0], y));
	if (!backward_needs(b, y))
		return 0;
	dy = op_mul(g, dout[0], x);
	if (dy && y->max.nd < x->max.nd)
		dy = op_sum_to(g, dy, y->max.nd);
	backward_add(b, y, dy);
	return 0;
}

static void mul_cost(const void *attr, const struct layout *in, const struct layout *out,
		     struct cost *cost)
{
	cost->flops = layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 1);
}

static int mul_oracle(const struct oracle_call *c)
{
	int64_t nb = layout_count(&c->in_layout[1]);

	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++)
		c->out[0][i] = c->in[0][i] * c->in[1][i % nb];
	return 0;
}

static const struct op_case mul_cases[] = {
	{ "one", NULL, 2, { CASE_DIFF(1, 1), CASE_DIFF(1, 1) } },
	{ "same shape", NULL, 2,
	  { CASE_DIFF_EXT(3, 3, 3, 5, 7), CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "rows", NULL, 2, { CASE_DIFF_EXT(3, 3, 3, 5, 7), CASE_DIFF(1, 7) } },
	{ "positions", NULL, 2, { CASE_DIFF_EXT(3, 3, 3, 5, 7), CASE_DIFF_EXT(1, 2, 5, 7) } },
	{ "scalar", NULL, 2, { CASE_DIFF(2, 5, 3), CASE_DIFF(0) } },
	{ "mixed", NULL, 2,
	  { CASE_F32(2, 37, 1031), CASE_FILL(DT_BF16, FILL_NORMAL, 2, 37, 1031) } },
	{ "mixed rows", NULL, 2,
	  { CASE_F32(2, 37, 1031), CASE_FILL(DT_BF16, FILL_NORMAL, 1, 1031) } },
	{ "tiles", NULL, 2, { CASE_F32(2, 37, 1031), CASE_F32(2, 37, 1031) } },
	{ "row tiles", NULL, 2, { CASE_EXT(1, 2, 37, 1031), CASE_F32(1, 1031) } },
	{ "long rows", NULL, 2, { CASE_EXT(1, 2, 3, 20011), CASE_F32(1, 20011) } },
	{ "narrow rows", NULL, 2, { CASE_EXT(1, 2, 9001, 3), CASE_F32(1, 3) } },
	{ NULL },
};

static const struct op_case mul_timed[] = {
	{ "6x384", NULL, 2, { CASE_F32(2, 4096, 384), CASE_F32(2, 4096, 384) } },
	{ "large", NULL, 2, { CASE_F32(2, 65536, 384), CASE_F32(2, 65536, 384) } },
	{ NULL },
};

static const struct op mul = {
	.name = "mul",
	.summary = "a * b, b broadcast along leading dimensions",
	.nr_in = 2,
	.nr_out = 1,
	.compute_in = 3,
	.inplace = { 1 },
	.infer = mul_infer,
	.grad = mul_backward,
	.cost = mul_cost,
	.oracle = OP_TEST(mul_oracle),
	.cases = OP_TEST(mul_cases),
	.timed = OP_TEST(mul_timed),
};
OP_REGISTER(mul);
