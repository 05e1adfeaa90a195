// SPDX-License-Identifier: MIT
#include "ops/sgd.h"

static const struct op sgd, sgd_shadow;

struct tensor *op_sgd(struct graph *g, struct tensor *w, struct tensor *buf, struct tensor *grad,
		      struct tensor *clip, struct tensor *hyper, struct tensor *mask,
		      struct tensor *shadow, const struct sgd_attr *attr)
{
	struct tensor *in[MOMENTUM_NR_IN] = { w, buf, grad, clip, hyper, mask, shadow };

	return momentum_step(g, "sgd", &sgd, &sgd_shadow, attr, in);
}

static int sgd_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	return momentum_infer("sgd", in, nr_in, out);
}

static void sgd_cost(const void *attr, const struct layout *in, const struct layout *out,
		     struct cost *cost)
{
	cost->flops = 9.0 * layout_count(&in[MOMENTUM_W]);
	cost->bytes = momentum_bytes(in, out) + rule_bytes(&in[MOMENTUM_MASK], 1);
}

static void sgd_shadow_cost(const void *attr, const struct layout *in, const struct layout *out,
			    struct cost *cost)
{
	sgd_cost(attr, in, out, cost);
	cost->bytes += rule_bytes(&out[2], 1);
}

static int sgd_oracle(const struct oracle_call *c)
{
	const struct sgd_attr *a = c->attr;
	const double *mask = c->nr_in > MOMENTUM_MASK ? c->in[MOMENTUM_MASK] : NULL;
	double lr = c->in[MOMENTUM_HYPER][MOMENTUM_LR];

	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++) {
		double w = c->in[MOMENTUM_W][i];
		double g = c->in[MOMENTUM_GRAD][i] * c->in[MOMENTUM_CLIP][0] + a->weight_decay * w;
		double buf = a->momentum * c->in[MOMENTUM_BUF][i] + g;
		bool dead = mask && !mask[i];

		w -= lr * (a->nesterov ? g + a->momentum * buf : buf);
		c->out[0][i] = dead ? 0 : w;
		c->out[1][i] = dead ? 0 : buf;
		if (c->nr_out > 2)
			c->out[2][i] = c->out[0][i];
	}
	return 0;
}

static const struct sgd_attr usual = { 0.9, 0.1, true }, heavy_ball = { 0.95, 0.01, false },
			     plain = { 0, 0, false };

static const struct op_case sgd_cases[] = {
	{ "one", &usual, 5, { MOMENTUM_CASE(1, 1) } },
	{ "odd", &heavy_ball, 5, { MOMENTUM_CASE(2, 5, 7) } },
	{ "no momentum", &plain, 5, { MOMENTUM_CASE(1, 33) } },
	{ "mask", &usual, 6, { MOMENTUM_CASE(1, 1031), MOMENTUM_MASK_CASE(DT_F32, 1, 1031) } },
	{ "tiles", &usual, 5, { MOMENTUM_CASE(1, 40003) } },
	{ NULL },
};

static const struct op_case sgd_shadow_cases[] = {
	{ "one", &usual, 7, { MOMENTUM_CASE(1, 1), CASE_ABSENT, MOMENTUM_SHADOW_CASE(1, 1) } },
	{ "mask of bytes", &heavy_ball, 7,
	  { MOMENTUM_CASE(1, 20011), MOMENTUM_MASK_CASE(DT_U8, 1, 20011),
	    MOMENTUM_SHADOW_CASE(1, 20011) } },
	{ NULL },
};

static const struct op_case sgd_timed[] = {
	{ "6x384", &usual, 5, { MOMENTUM_CASE(1, 10752000) } },
	{ NULL },
};

static const struct op sgd = {
	.name = "sgd",
	.summary = "one step of SGD with momentum, in place",
	.attr_size = sizeof(struct sgd_attr),
	MOMENTUM_PLAIN,
	.infer = sgd_infer,
	.cost = sgd_cost,
	.oracle = OP_TEST(sgd_oracle),
	.cases = OP_TEST(sgd_cases),
	.timed = OP_TEST(sgd_timed),
};
OP_REGISTER(sgd);

static const struct op sgd_shadow = {
	.name = "sgd_shadow",
	.summary = "one step of SGD that renews a bf16 copy of the weights, in place",
	.attr_size = sizeof(struct sgd_attr),
	MOMENTUM_WITH_SHADOW,
	.infer = sgd_infer,
	.cost = sgd_shadow_cost,
	.oracle = OP_TEST(sgd_oracle),
	.cases = OP_TEST(sgd_shadow_cases),
};
OP_REGISTER(sgd_shadow);
