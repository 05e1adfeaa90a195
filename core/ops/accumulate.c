// SPDX-License-Identifier: MIT
#include "ops/accumulate.h"

#include "base/fail.h"
#include "ops/rules.h"

static const struct op accumulate;

struct tensor *op_accumulate(struct graph *g, struct tensor *prev, struct tensor *x,
			     struct tensor *flag, bool always_add)
{
	struct accumulate_attr attr = { .always_add = always_add };
	struct tensor *in[3] = { prev, x, flag };

	return graph_op(g, &accumulate, &attr, in, 3);
}

int accumulate_rule(const char *op, const struct layout *prev, const struct layout *flag,
		    bool always_add, const struct layout *out)
{
	char text[SHAPE_TEXT];

	if (flag->nd >= 0 && (flag->dtype != DT_I32 || layout_count(flag) != 1))
		return fail(-EINVAL, "%s: flag is %s: must be an i32 scalar", op,
			    layout_text(flag, text));
	if (prev->nd >= 0)
		return rule_like(op, "prev", prev, "the gradient", out);
	if (flag->nd >= 0 || always_add)
		return fail(-EINVAL, "%s: nothing to add to: prev is missing", op);
	return 0;
}

double accumulate_base(const double *prev, const double *flag, bool always_add, int64_t i)
{
	return prev && (always_add || (flag && *flag != 0)) ? prev[i] : 0;
}

static int accumulate_infer(const void *attr, const struct layout *in, int nr_in,
			    struct layout *out)
{
	const struct accumulate_attr *a = attr;
	int ret = rule_f32("accumulate", "x", &in[1]);

	if (!ret)
		ret = accumulate_rule("accumulate", &in[0], rule_input(in, nr_in, 2),
				      a->always_add, &in[1]);
	out[0] = layout_like(&in[1], DT_F32);
	return ret;
}

static void accumulate_cost(const void *attr, const struct layout *in, const struct layout *out,
			    struct cost *cost)
{
	cost->flops = layout_count(&out[0]);
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 1);
}

static int accumulate_oracle(const struct oracle_call *c)
{
	const struct accumulate_attr *a = c->attr;

	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++)
		c->out[0][i] = accumulate_base(c->in[0], c->in[2], a->always_add, i) + c->in[1][i];
	return 0;
}

static const struct accumulate_attr by_flag = { .always_add = false },
				    always = { .always_add = true };

#define FLAG(how) CASE_FILL(DT_I32, how, 0)
static const struct op_case accumulate_cases[] = {
	{ "one", &by_flag, 3, { CASE_F32(1, 1), CASE_F32(1, 1), FLAG(FILL_ONE) } },
	{ "scalar", &always, 3, { CASE_F32(0), CASE_F32(0), CASE_ABSENT } },
	{ "add", &by_flag, 3, { CASE_F32(2, 7, 13), CASE_F32(2, 7, 13), FLAG(FILL_ONE) } },
	{ "overwrite", &by_flag, 3, { CASE_F32(2, 7, 13), CASE_F32(2, 7, 13), FLAG(FILL_ZERO) } },
	{ "no flag", &by_flag, 3, { CASE_F32(2, 7, 13), CASE_F32(2, 7, 13), CASE_ABSENT } },
	{ "always", &always, 3, { CASE_EXT(1, 2, 7, 13), CASE_EXT(1, 2, 7, 13), FLAG(FILL_ZERO) } },
	{ "tiles", &by_flag, 3, { CASE_F32(2, 67, 1031), CASE_F32(2, 67, 1031), FLAG(FILL_ONE) } },
	{ NULL },
};

static const struct op accumulate = {
	.name = "accumulate",
	.summary = "add to a gradient in place, or overwrite it",
	.attr_size = sizeof(struct accumulate_attr),
	.nr_in = 3,
	.nr_out = 1,
	.optional_in = 1 << 2,
	.updates = { 1 },
	.infer = accumulate_infer,
	.cost = accumulate_cost,
	.oracle = OP_TEST(accumulate_oracle),
	.cases = OP_TEST(accumulate_cases),
};
OP_REGISTER(accumulate);
