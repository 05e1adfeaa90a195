// SPDX-License-Identifier: MIT
#include "ops/max-last.h"

#include <math.h>

#include "ops/rules.h"

static const struct op max_last;

struct tensor *op_max_last(struct graph *g, struct tensor *x)
{
	return graph_op(g, &max_last, NULL, &x, 1);
}

static int max_last_infer(const void *attr, const struct layout *in, int nr_in,
			  struct layout *out)
{
	int ret = rule_real("max_last", "x", &in[0]);

	out[0] = rule_without_last(&in[0]);
	out[0].dtype = DT_F32;
	return ret ? ret : rule_rows("max_last", "x", &in[0]);
}

static void max_last_cost(const void *attr, const struct layout *in, const struct layout *out,
			  struct cost *cost)
{
	cost->flops = layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 1) + rule_bytes(out, 1);
}

static int max_last_oracle(const struct oracle_call *c)
{
	int64_t n = layout_last(&c->in_layout[0]);

	for (int64_t r = 0; r < layout_rows(&c->in_layout[0]); r++) {
		const double *x = c->in[0] + r * n;
		double max = x[0];

		for (int64_t i = 1; i < n; i++)
			if (x[i] > max || isnan(x[i]))
				max = x[i];
		c->out[0][r] = max;
	}
	return 0;
}

static const struct op_case max_last_cases[] = {
	{ "one", NULL, 1, { CASE_F32(1, 1) } },
	{ "odd", NULL, 1, { CASE_EXT(7, 3, 3, 5, 7) } },
	{ "tiles", NULL, 1, { CASE_EXT(1, 2, 131, 384) } },
	{ "long rows", NULL, 1, { CASE_F32(2, 3, 20011) } },
	{ NULL },
};

static const struct op max_last = {
	.name = "max_last",
	.summary = "maxima over the last dimension",
	.nr_in = 1,
	.nr_out = 1,
	.compute_in = 1,
	.infer = max_last_infer,
	.cost = max_last_cost,
	.oracle = OP_TEST(max_last_oracle),
	.cases = OP_TEST(max_last_cases),
};
OP_REGISTER(max_last);
