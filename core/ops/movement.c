// SPDX-License-Identifier: MIT
#include "ops/movement.h"

#include "ops/rules.h"

static const struct op movement;

struct tensor *op_movement(struct graph *g, struct tensor *sum, struct tensor *w,
			   struct tensor *grad)
{
	struct tensor *in[3] = { sum, w, grad };

	return graph_op(g, &movement, NULL, in, 3);
}

static int movement_infer(const void *attr, const struct layout *in, int nr_in,
			  struct layout *out)
{
	int ret = rule_f32("movement", "sum", &in[0]);

	if (!ret)
		ret = rule_like("movement", "w", &in[1], "sum", &in[0]);
	if (!ret)
		ret = rule_like("movement", "grad", &in[2], "sum", &in[0]);
	out[0] = in[0];
	return ret;
}

static void movement_cost(const void *attr, const struct layout *in, const struct layout *out,
			  struct cost *cost)
{
	cost->flops = 2.0 * layout_count(&out[0]);
	cost->bytes = rule_bytes(in, 3) + rule_bytes(out, 1);
}

static int movement_oracle(const struct oracle_call *c)
{
	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++)
		c->out[0][i] = c->in[0][i] - c->in[1][i] * c->in[2][i];
	return 0;
}

static const struct op_case movement_cases[] = {
	{ "one", NULL, 3, { CASE_F32(1, 1), CASE_F32(1, 1), CASE_F32(1, 1) } },
	{ "scalar", NULL, 3, { CASE_F32(0), CASE_F32(0), CASE_F32(0) } },
	{ "odd", NULL, 3, { CASE_F32(2, 7, 13), CASE_F32(2, 7, 13), CASE_F32(2, 7, 13) } },
	{ "tiles", NULL, 3, { CASE_F32(1, 69077), CASE_F32(1, 69077), CASE_F32(1, 69077) } },
	{ NULL },
};

static const struct op_case movement_timed[] = {
	{ "6x384", NULL, 3,
	  { CASE_F32(1, 10750000), CASE_F32(1, 10750000), CASE_F32(1, 10750000) } },
	{ NULL },
};

static const struct op movement = {
	.name = "movement",
	.summary = "take weight times gradient from a sum, in place",
	.nr_in = 3,
	.nr_out = 1,
	.updates = { 1 },
	.infer = movement_infer,
	.cost = movement_cost,
	.oracle = OP_TEST(movement_oracle),
	.cases = OP_TEST(movement_cases),
	.timed = OP_TEST(movement_timed),
};
OP_REGISTER(movement);
