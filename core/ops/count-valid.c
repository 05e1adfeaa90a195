// SPDX-License-Identifier: MIT
#include "ops/count-valid.h"

#include "base/fail.h"
#include "ops/rules.h"

static const struct op count_valid;

struct tensor *op_count_valid(struct graph *g, struct tensor *targets)
{
	return graph_op(g, &count_valid, NULL, &targets, 1);
}

static int count_valid_infer(const void *attr, const struct layout *in, int nr_in,
			     struct layout *out)
{
	char text[SHAPE_TEXT];

	if (in[0].nd < 0)
		return fail(-EINVAL, "count_valid: targets are missing");
	if (in[0].dtype != DT_I32)
		return fail(-EINVAL, "count_valid: targets are %s: must be i32",
			    layout_text(&in[0], text));
	out[0] = layout_make(DT_F32, 0, NULL);
	return 0;
}

static void count_valid_cost(const void *attr, const struct layout *in,
			     const struct layout *out, struct cost *cost)
{
	cost->flops = layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 1);
}

static int count_valid_oracle(const struct oracle_call *c)
{
	c->out[0][0] = 0;
	for (int64_t i = 0; i < layout_count(&c->in_layout[0]); i++)
		c->out[0][0] += c->in[0][i] >= 0;
	return 0;
}

#define TARGETS(mask, ...)							\
	{ .dtype = DT_I32, .nd = 2, .n = { __VA_ARGS__ }, .fill = FILL_TARGETS,	\
	  .limit = 50, .extent_dims = (mask) }

static const struct op_case count_valid_cases[] = {
	{ "one", NULL, 1, { TARGETS(0, 1, 1) } },
	{ "odd", NULL, 1, { TARGETS(3, 3, 7) } },
	{ "tiles", NULL, 1, { TARGETS(1, 37, 1031) } },
	{ NULL },
};

static const struct op count_valid = {
	.name = "count_valid",
	.summary = "number of targets that are not ignored",
	.nr_in = 1,
	.nr_out = 1,
	.infer = count_valid_infer,
	.cost = count_valid_cost,
	.oracle = OP_TEST(count_valid_oracle),
	.cases = OP_TEST(count_valid_cases),
};
OP_REGISTER(count_valid);
