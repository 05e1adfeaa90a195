// SPDX-License-Identifier: MIT
#include "ops/sq-norm.h"

#include "ops/rules.h"

static const struct op sq_norm;

struct tensor *op_sq_norm(struct graph *g, struct tensor *x)
{
	return graph_op(g, &sq_norm, NULL, &x, 1);
}

static int sq_norm_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	out[0] = layout_make(DT_F32, 0, NULL);
	return rule_real("sq_norm", "x", &in[0]);
}

static void sq_norm_cost(const void *attr, const struct layout *in, const struct layout *out,
			 struct cost *cost)
{
	cost->flops = 2.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 1);
}

static int64_t sq_norm_reduce(const void *attr, const struct layout *in, const struct layout *out)
{
	return layout_count(&in[0]);
}

static int sq_norm_oracle(const struct oracle_call *c)
{
	c->out[0][0] = 0;
	for (int64_t i = 0; i < layout_count(&c->in_layout[0]); i++)
		c->out[0][0] += c->in[0][i] * c->in[0][i];
	return 0;
}

static const struct op_case sq_norm_cases[] = {
	{ "one", NULL, 1, { CASE_F32(1, 1) } },
	{ "scalar", NULL, 1, { CASE_F32(0) } },
	{ "odd", NULL, 1, { CASE_EXT(3, 3, 3, 5, 7) } },
	{ "chunks", NULL, 1, { CASE_EXT(1, 2, 37, 1031) } },
	{ "tiles", NULL, 1, { CASE_F32(1, 300007) } },
	{ NULL },
};

static const struct op_case sq_norm_timed[] = {
	{ "6x384-layer", NULL, 1, { CASE_F32(1, 1770000) } },
	{ "6x384", NULL, 1, { CASE_F32(1, 10750000) } },
	{ NULL },
};

static const struct op sq_norm = {
	.name = "sq_norm",
	.summary = "sum of the squares of all elements",
	.nr_in = 1,
	.nr_out = 1,
	.compute_in = 1,
	.infer = sq_norm_infer,
	.cost = sq_norm_cost,
	.reduce = sq_norm_reduce,
	.oracle = OP_TEST(sq_norm_oracle),
	.cases = OP_TEST(sq_norm_cases),
	.timed = OP_TEST(sq_norm_timed),
};
OP_REGISTER(sq_norm);
