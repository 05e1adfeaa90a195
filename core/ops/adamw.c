// SPDX-License-Identifier: MIT
#include "ops/adamw.h"

#include <math.h>

#include "base/fail.h"
#include "ops/rules.h"

static const struct op adamw, adamw_shadow;

struct tensor *op_adamw(struct graph *g, struct tensor *w, struct tensor *m, struct tensor *v,
			struct tensor *grad, struct tensor *clip, struct tensor *hyper,
			struct tensor *mask, struct tensor *shadow,
			const struct adamw_attr *attr)
{
	struct tensor *in[ADAMW_NR_IN] = { w, m, v, grad, clip, hyper, mask, shadow };
	static const int updated[] = { ADAMW_W, ADAMW_M, ADAMW_V, ADAMW_SHADOW };

	/* The copy of a view would be updated, and then be lost. */
	for (size_t i = 0; i < sizeof(updated) / sizeof(updated[0]); i++) {
		const struct tensor *t = in[updated[i]];

		if (t && !layout_contiguous(&t->max))
			return graph_fail(g, fail(-EINVAL, "adamw: '%s' is a view with gaps",
						  t->name));
	}
	return graph_op(g, shadow ? &adamw_shadow : &adamw, attr, in,
			shadow ? ADAMW_NR_IN : ADAMW_SHADOW);
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
	if (!ret)
		ret = rule_mask("adamw", rule_input(in, nr_in, ADAMW_MASK), &in[0]);
	if (!ret)
		ret = rule_shadow("adamw", rule_input(in, nr_in, ADAMW_SHADOW), &in[0]);
	for (int i = 0; i < 3; i++)
		out[i] = in[i];		/* they are the inputs, at their place */
	if (nr_in > ADAMW_SHADOW)
		out[3] = in[ADAMW_SHADOW];
	return ret;
}

static void adamw_cost(const void *attr, const struct layout *in, const struct layout *out,
		       struct cost *cost)
{
	cost->flops = 14.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 4) + rule_bytes(&in[ADAMW_MASK], 1) + rule_bytes(out, 3);
}

static void adamw_shadow_cost(const void *attr, const struct layout *in,
			      const struct layout *out, struct cost *cost)
{
	adamw_cost(attr, in, out, cost);
	cost->bytes += rule_bytes(&out[3], 1);
}

static int adamw_oracle(const struct oracle_call *c)
{
	const struct adamw_attr *a = c->attr;
	const double *hyper = c->in[ADAMW_HYPER], *mask = c->in[ADAMW_MASK];
	double lr = hyper[ADAMW_LR], decay = a->weight_decay * hyper[ADAMW_DECAY];

	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++) {
		double g = c->in[3][i] * c->in[4][0];
		double m = a->beta1 * c->in[1][i] + (1 - a->beta1) * g;
		double v = a->beta2 * c->in[2][i] + (1 - a->beta2) * g * g;
		double mhat = m / hyper[ADAMW_CORRECT1], vhat = v / hyper[ADAMW_CORRECT2];
		double w = c->in[0][i];

		bool dead = c->nr_in > ADAMW_MASK && mask && !mask[i];

		w = w - lr * decay * w - lr * mhat / (sqrt(vhat) + a->eps);
		c->out[0][i] = dead ? 0 : w;
		c->out[1][i] = dead ? 0 : m;
		c->out[2][i] = dead ? 0 : v;
		if (c->nr_out > 3)
			c->out[3][i] = c->out[0][i];
	}
	return 0;
}

static const struct adamw_attr usual = { 0.9, 0.95, 1e-8, 0.1 }, plain = { 0, 0.999, 1e-3, 0 };

#define POSITIVE(...) CASE_FILL(DT_F32, FILL_POSITIVE, __VA_ARGS__)

/* Weights, moments and gradient of one shape, clip, hyper. */
#define ADAMW_CASE(...)								\
	CASE_F32(__VA_ARGS__), CASE_F32(__VA_ARGS__), POSITIVE(__VA_ARGS__),	\
	CASE_F32(__VA_ARGS__), POSITIVE(0), POSITIVE(1, 4)
#define MASK(type, ...) \
	{ .dtype = (type), .nd = 1, .n = { __VA_ARGS__ }, .fill = FILL_IDS, .limit = 2 }

static const struct op_case adamw_cases[] = {
	{ "one", &usual, 6, { ADAMW_CASE(1, 1) } },
	{ "odd", &plain, 6, { ADAMW_CASE(2, 5, 7) } },
	{ "no moments yet", &usual, 6,
	  { CASE_F32(1, 33), CASE_FILL(DT_F32, FILL_ZERO, 1, 33),
	    CASE_FILL(DT_F32, FILL_ZERO, 1, 33), CASE_F32(1, 33), POSITIVE(0), POSITIVE(1, 4) } },
	{ "mask", &usual, 7, { ADAMW_CASE(1, 1031), MASK(DT_F32, 1031) } },
	{ "mask of bytes", &usual, 7, { ADAMW_CASE(1, 20011), MASK(DT_U8, 20011) } },
	{ "tiles", &usual, 6, { ADAMW_CASE(1, 40003) } },
	{ NULL },
};

static const struct op_case adamw_timed[] = {
	{ "6x384 layer", &usual, 6, { ADAMW_CASE(1, 1770000) } },
	{ "6x384", &usual, 6, { ADAMW_CASE(1, 10750000) } },
	{ NULL },
};

static const struct op adamw = {
	.name = "adamw",
	.summary = "one step of AdamW, in place",
	.attr_size = sizeof(struct adamw_attr),
	.nr_in = ADAMW_SHADOW,
	.nr_out = 3,
	.optional_in = 1 << ADAMW_MASK,
	.updates = { ADAMW_W + 1, ADAMW_M + 1, ADAMW_V + 1 },
	.infer = adamw_infer,
	.cost = adamw_cost,
	.oracle = OP_TEST(adamw_oracle),
	.cases = OP_TEST(adamw_cases),
	.timed = OP_TEST(adamw_timed),
};
OP_REGISTER(adamw);

#define SHADOW(...) CASE_FILL(DT_BF16, FILL_NORMAL, __VA_ARGS__)
static const struct op_case adamw_shadow_cases[] = {
	{ "one", &usual, 8, { ADAMW_CASE(1, 1), CASE_ABSENT, SHADOW(1, 1) } },
	{ "odd", &plain, 8, { ADAMW_CASE(2, 5, 7), CASE_ABSENT, SHADOW(2, 5, 7) } },
	{ "mask", &usual, 8, { ADAMW_CASE(1, 1031), MASK(DT_F32, 1031), SHADOW(1, 1031) } },
	{ "mask of bytes", &usual, 8,
	  { ADAMW_CASE(1, 20011), MASK(DT_U8, 20011), SHADOW(1, 20011) } },
	{ "tiles", &usual, 8, { ADAMW_CASE(1, 40003), CASE_ABSENT, SHADOW(1, 40003) } },
	{ NULL },
};

static const struct op_case adamw_shadow_timed[] = {
	{ "6x384 and mask", &usual, 8,
	  { ADAMW_CASE(1, 10750000), MASK(DT_U8, 10750000), SHADOW(1, 10750000) } },
	{ "6x384", &usual, 8, { ADAMW_CASE(1, 10750000), CASE_ABSENT, SHADOW(1, 10750000) } },
	{ NULL },
};

static const struct op adamw_shadow = {
	.name = "adamw_shadow",
	.summary = "one step of AdamW that renews a bf16 copy of the weights, in place",
	.attr_size = sizeof(struct adamw_attr),
	.nr_in = ADAMW_NR_IN,
	.nr_out = 4,
	.optional_in = 1 << ADAMW_MASK,
	.updates = { ADAMW_W + 1, ADAMW_M + 1, ADAMW_V + 1, ADAMW_SHADOW + 1 },
	.infer = adamw_infer,
	.cost = adamw_shadow_cost,
	.oracle = OP_TEST(adamw_oracle),
	.cases = OP_TEST(adamw_shadow_cases),
	.timed = OP_TEST(adamw_shadow_timed),
};
OP_REGISTER(adamw_shadow);
