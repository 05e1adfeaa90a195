// SPDX-License-Identifier: MIT
#include "ops/adamw.h"

#include <math.h>

#include "base/fail.h"
#include "ops/rules.h"

static const struct op adamw;

struct tensor *op_adamw(struct graph *g, struct tensor *w, struct tensor *m, struct tensor *v,
			struct tensor *grad, struct tensor *clip, struct tensor *hyper,
			const struct adamw_attr *attr)
{
	struct tensor *in[6] = { w, m, v, grad, clip, hyper };

	/* The copy of a view would be updated, and then be lost. */
	for (int i = 0; i < 3; i++)
		if (in[i] && !layout_contiguous(&in[i]->max))
			return graph_fail(g, fail(-EINVAL, "adamw: '%s' is a view with gaps",
						  in[i]->name));
	return graph_op(g, &adamw, attr, in, 6);
}

static int adamw_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	int ret = rule_f32("adamw", "w", &in[0]);

	if (!ret)
		ret = rule_like("adamw", "m", &in[1], "w", &in[0]);
	if (!ret)
		ret = rule_like("adamw", "v", &in[2], "w", &in[0]);
	if (!ret)
		ret = rule_like("adamw", "grad", &in[3], "w", &in[0]);
	if (!ret)
		ret = rule_scalar("adamw", "clip", &in[4]);
	if (!ret)
		ret = rule_vector("adamw", "hyper", &in[5], ADAMW_NR_HYPER);
	for (int i = 0; i < 3; i++)
		out[i] = in[i];		/* they are the inputs, at their place */
	return ret;
}

static void adamw_cost(const void *attr, const struct layout *in, const struct layout *out,
		       struct cost *cost)
{
	cost->flops = 14.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 4) + rule_bytes(out, 3);
}

static int adamw_oracle(const struct oracle_call *c)
{
	const struct adamw_attr *a = c->attr;
	const double *hyper = c->in[5];
	double lr = hyper[ADAMW_LR], decay = a->weight_decay * hyper[ADAMW_DECAY];

	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++) {
		double g = c->in[3][i] * c->in[4][0];
		double m = a->beta1 * c->in[1][i] + (1 - a->beta1) * g;
		double v = a->beta2 * c->in[2][i] + (1 - a->beta2) * g * g;
		double mhat = m / hyper[ADAMW_CORRECT1], vhat = v / hyper[ADAMW_CORRECT2];
		double w = c->in[0][i];

		c->out[0][i] = w - lr * decay * w - lr * mhat / (sqrt(vhat) + a->eps);
		c->out[1][i] = m;
		c->out[2][i] = v;
	}
	return 0;
}

static const struct adamw_attr usual = { 0.9, 0.95, 1e-8, 0.1 }, plain = { 0, 0.999, 1e-3, 0 };

#define POSITIVE(...) CASE_FILL(DT_F32, FILL_POSITIVE, __VA_ARGS__)

static const struct op_case adamw_cases[] = {
	{ "one", &usual, 6,
	  { CASE_F32(1, 1), CASE_F32(1, 1), POSITIVE(1, 1), CASE_F32(1, 1), POSITIVE(0),
	    POSITIVE(1, 4) } },
	{ "odd", &plain, 6,
	  { CASE_F32(2, 5, 7), CASE_F32(2, 5, 7), POSITIVE(2, 5, 7), CASE_F32(2, 5, 7),
	    POSITIVE(0), POSITIVE(1, 4) } },
	{ "no moments yet", &usual, 6,
	  { CASE_F32(1, 33), CASE_FILL(DT_F32, FILL_ZERO, 1, 33),
	    CASE_FILL(DT_F32, FILL_ZERO, 1, 33), CASE_F32(1, 33), POSITIVE(0), POSITIVE(1, 4) } },
	{ "tiles", &usual, 6,
	  { CASE_F32(1, 40003), CASE_F32(1, 40003), POSITIVE(1, 40003), CASE_F32(1, 40003),
	    POSITIVE(0), POSITIVE(1, 4) } },
	{ NULL },
};

static const struct op adamw = {
	.name = "adamw",
	.summary = "one step of AdamW, in place",
	.attr_size = sizeof(struct adamw_attr),
	.nr_in = 6,
	.nr_out = 3,
	.updates = { 1, 2, 3 },
	.infer = adamw_infer,
	.cost = adamw_cost,
	.oracle = OP_TEST(adamw_oracle),
	.cases = OP_TEST(adamw_cases),
};
OP_REGISTER(adamw);
