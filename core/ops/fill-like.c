// SPDX-License-Identifier: MIT
#include "ops/fill-like.h"

#include "ops/rules.h"
#include "tensor/graph.h"

static int infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	(void)attr;
	(void)nr_in;
	out[0] = layout_like(&in[0], DT_F32);
	return 0;
}

static void cost(const void *attr, const struct layout *in, const struct layout *out,
		 struct cost *c)
{
	(void)attr;
	(void)in;
	c->bytes = (double)layout_bytes(&out[0]);
}

static int oracle(const struct oracle_call *c)
{
	const struct fill_like_attr *attr = c->attr;

	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++)
		c->out[0][i] = attr->value;
	return 0;
}

static const struct fill_like_attr one = { 1 }, small = { -0.25 };

static const struct op_case cases[] = {
	{ "scalar", &one, 1, { { .dtype = DT_F32, .nd = 0 } } },
	{ "odd", &small, 1, { CASE_EXT(3, 3, 3, 5, 7) } },
	{ "tiles", &one, 1, { CASE_F32(2, 130, 257) } },
	{ .name = NULL },
};

static const struct op fill_like = {
	.name = "fill_like",
	.summary = "a constant in the shape of another tensor",
	.attr_size = sizeof(struct fill_like_attr),
	.nr_in = 1,
	.nr_out = 1,
	.strided_in = 1,
	.infer = infer,
	.cost = cost,
	.oracle = OP_TEST(oracle),
	.cases = OP_TEST(cases),
};
OP_REGISTER(fill_like);

struct tensor *op_fill_like(struct graph *g, struct tensor *like, double value)
{
	struct fill_like_attr attr = { value };

	return graph_op(g, &fill_like, &attr, &like, 1);
}
