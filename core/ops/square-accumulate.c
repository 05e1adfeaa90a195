// SPDX-License-Identifier: MIT
#include "ops/square-accumulate.h"

#include "ops/accumulate.h"
#include "ops/rules.h"

static const struct op square_accumulate;

struct tensor *op_square_accumulate(struct graph *g, struct tensor *sum, struct tensor *x,
				    struct tensor *flag, bool always_add)
{
	struct accumulate_attr attr = { .always_add = always_add };
	struct tensor *in[3] = { sum, x, flag };

	return graph_op(g, &square_accumulate, &attr, in, 3);
}

static int square_accumulate_infer(const void *attr, const struct layout *in, int nr_in,
				   struct layout *out)
{
	const struct accumulate_attr *a = attr;
	int ret = rule_f32("square_accumulate", "x", &in[1]);

	if (!ret)
		ret = accumulate_rule("square_accumulate", &in[0], rule_input(in, nr_in, 2),
				      a->always_add, &in[1]);
	out[0] = layout_like(&in[1], DT_F32);
	return ret;
}

static void square_accumulate_cost(const void *attr, const struct layout *in,
				   const struct layout *out, struct cost *cost)
{
	cost->flops = 2.0 * layout_count(&out[0]);
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 1);
}

static int square_accumulate_oracle(const struct oracle_call *c)
{
	const struct accumulate_attr *a = c->attr;

	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++)
		c->out[0][i] = accumulate_base(c->in[0], c->in[2], a->always_add, i) +
			       c->in[1][i] * c->in[1][i];
	return 0;
}

static const struct accumulate_attr by_flag = { .always_add = false },
				    always = { .always_add = true };

#define FLAG(how) CASE_FILL(DT_I32, how, 0)
static const struct op_case square_accumulate_cases[] = {
	{ "one", &by_flag, 3, { CASE_F32(1, 1), CASE_F32(1, 1), FLAG(FILL_ONE) } },
	{ "scalar", &always, 3, { CASE_F32(0), CASE_F32(0), CASE_ABSENT } },
	{ "add", &by_flag, 3, { CASE_F32(2, 7, 13), CASE_F32(2, 7, 13), FLAG(FILL_ONE) } },
	{ "overwrite", &by_flag, 3, { CASE_F32(2, 7, 13), CASE_F32(2, 7, 13), FLAG(FILL_ZERO) } },
	{ "no flag", &by_flag, 3, { CASE_F32(2, 7, 13), CASE_F32(2, 7, 13), CASE_ABSENT } },
	{ "always", &always, 3, { CASE_EXT(1, 2, 7, 13), CASE_EXT(1, 2, 7, 13), FLAG(FILL_ZERO) } },
	{ "tiles", &by_flag, 3, { CASE_F32(2, 67, 1031), CASE_F32(2, 67, 1031), FLAG(FILL_ONE) } },
	{ NULL },
};

static const struct op_case square_accumulate_timed[] = {
	{ "6x384-layer", &always, 3,
	  { CASE_F32(1, 1770000), CASE_F32(1, 1770000), CASE_ABSENT } },
	{ "6x384", &always, 3, { CASE_F32(1, 10750000), CASE_F32(1, 10750000), CASE_ABSENT } },
	{ NULL },
};

static const struct op square_accumulate = {
	.name = "square_accumulate",
	.summary = "add the squares of a gradient to a sum in place, or overwrite it",
	.attr_size = sizeof(struct accumulate_attr),
	.nr_in = 3,
	.nr_out = 1,
	.optional_in = 1 << 2,
	.updates = { 1 },
	.infer = square_accumulate_infer,
	.cost = square_accumulate_cost,
	.oracle = OP_TEST(square_accumulate_oracle),
	.cases = OP_TEST(square_accumulate_cases),
	.timed = OP_TEST(square_accumulate_timed),
};
OP_REGISTER(square_accumulate);
