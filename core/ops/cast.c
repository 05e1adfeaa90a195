// SPDX-License-Identifier: MIT
#include "ops/cast.h"

#include "base/fail.h"
#include "ops/rules.h"

static const struct op cast;

struct tensor *op_cast(struct graph *g, struct tensor *x, enum dtype to)
{
	struct cast_attr attr = { .to = to };

	return x && x->max.dtype == to ? x : graph_op(g, &cast, &attr, &x, 1);
}

static int cast_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	const struct cast_attr *a = attr;
	char text[SHAPE_TEXT];

	if (in[0].nd < 0)
		return fail(-EINVAL, "cast: x is missing");
	if (!dtype_info(in[0].dtype)->roundoff)
		return fail(-EINVAL, "cast: x is %s: must be of a float type",
			    layout_text(&in[0], text));
	if ((int)a->to < 0 || a->to >= DT_COUNT || !dtype_info(a->to)->roundoff)
		return fail(-EINVAL, "cast: to type %d: must be a float type", (int)a->to);
	out[0] = layout_like(&in[0], a->to);
	return 0;
}

static int cast_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	backward_add(b, n->in[0], op_cast(backward_graph(b), dout[0], n->in[0]->max.dtype));
	return 0;
}

static void cast_cost(const void *attr, const struct layout *in, const struct layout *out,
		      struct cost *cost)
{
	cost->flops = 0;
	cost->bytes = rule_bytes(in, 1) + rule_bytes(out, 1);
}

/* Exact: what is lost is the tolerance of the type. */
static int cast_oracle(const struct oracle_call *c)
{
	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++)
		c->out[0][i] = c->in[0][i];
	return 0;
}

static const struct cast_attr to_f32 = { DT_F32 }, to_f64 = { DT_F64 }, to_f16 = { DT_F16 },
	to_bf16 = { DT_BF16 };

#define CASE_OF(type, ...) CASE_FILL(type, FILL_NORMAL, __VA_ARGS__)
static const struct op_case cast_cases[] = {
	{ "one", &to_bf16, 1, { CASE_DIFF(1, 1) } },
	{ "same type", &to_f32, 1, { CASE_DIFF(1, 3) } },
	{ "scalar", &to_bf16, 1, { CASE_DIFF(0) } },
	{ "odd", &to_bf16, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "back", &to_f32, 1, { CASE_OF(DT_BF16, 3, 3, 5, 7) } },
	{ "f16", &to_f16, 1, { CASE_OF(DT_BF16, 2, 5, 7) } },
	{ "f64", &to_f64, 1, { CASE_OF(DT_F16, 2, 5, 7) } },
	{ "from f64", &to_bf16, 1, { CASE_OF(DT_F64, 2, 5, 7) } },
	{ "tiles back", &to_f32, 1, { CASE_OF(DT_BF16, 2, 37, 1031) } },
	{ "tiles", &to_bf16, 1, { CASE_EXT(1, 2, 37, 1031) } },
	{ NULL },
};

static const struct op_case cast_timed[] = {
	{ "6x384", &to_bf16, 1, { CASE_F32(2, 4096, 384) } },
	{ "large", &to_bf16, 1, { CASE_F32(2, 65536, 384) } },
	{ "large back", &to_f32, 1, { CASE_OF(DT_BF16, 2, 65536, 384) } },
	{ NULL },
};

static const struct op cast = {
	.name = "cast",
	.summary = "the same numbers in another float type",
	.attr_size = sizeof(struct cast_attr),
	.nr_in = 1,
	.nr_out = 1,
	.infer = cast_infer,
	.grad = cast_backward,
	.cost = cast_cost,
	.oracle = OP_TEST(cast_oracle),
	.cases = OP_TEST(cast_cases),
	.timed = OP_TEST(cast_timed),
};
OP_REGISTER(cast);
