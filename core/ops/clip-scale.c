// SPDX-License-Identifier: MIT
#include "ops/clip-scale.h"

#include <math.h>

#include "ops/rules.h"

static const struct op clip_scale;

struct tensor *op_clip_scale(struct graph *g, struct tensor *const *sq_norms, int nr,
			     float max_norm)
{
	struct clip_scale_attr attr = { .max_norm = max_norm };

	return graph_op(g, &clip_scale, &attr, sq_norms, nr);
}

static int clip_scale_infer(const void *attr, const struct layout *in, int nr_in,
			    struct layout *out)
{
	int ret = 0;

	for (int i = 0; i < nr_in && !ret; i++)
		ret = rule_scalar("clip_scale", "a squared norm", &in[i]);
	out[0] = layout_make(DT_F32, 0, NULL);
	return ret;
}

static void clip_scale_cost(const void *attr, const struct layout *in, const struct layout *out,
			    struct cost *cost)
{
	cost->flops = 4;
	cost->bytes = 8;
}

static int clip_scale_oracle(const struct oracle_call *c)
{
	const struct clip_scale_attr *a = c->attr;
	double sum = 0, ratio;

	for (int i = 0; i < c->nr_in; i++)
		sum += c->in[i][0];
	ratio = a->max_norm / (sqrt(sum) + 1e-6);
	c->out[0][0] = a->max_norm <= 0 || ratio > 1 ? 1 : ratio;
	return 0;
}

static const struct clip_scale_attr off = { 0 }, tight = { 0.25f }, loose = { 100 };

#define NORM CASE_FILL(DT_F32, FILL_POSITIVE, 0)

static const struct op_case clip_scale_cases[] = {
	{ "off", &off, 1, { NORM } },
	{ "clipped", &tight, 1, { NORM } },
	{ "not clipped", &loose, 1, { NORM } },
	{ "three parts", &tight, 3, { NORM, NORM, NORM } },
	{ "ten parts", &tight, 10, { NORM, NORM, NORM, NORM, NORM, NORM, NORM, NORM, NORM, NORM } },
	{ NULL },
};

static const struct op clip_scale = {
	.name = "clip_scale",
	.summary = "factor that limits the norm of a gradient",
	.attr_size = sizeof(struct clip_scale_attr),
	.nr_in = MAX_IN,
	.nr_out = 1,
	.optional_in = (1 << MAX_IN) - 2,
	.infer = clip_scale_infer,
	.cost = clip_scale_cost,
	.oracle = OP_TEST(clip_scale_oracle),
	.cases = OP_TEST(clip_scale_cases),
};
OP_REGISTER(clip_scale);
