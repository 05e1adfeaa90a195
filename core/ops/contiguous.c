// SPDX-License-Identifier: MIT
#include "ops/contiguous.h"

#include "base/fail.h"
#include "ops/rules.h"

static const struct op contiguous;

struct tensor *op_contiguous(struct graph *g, struct tensor *x)
{
	if (!x || layout_contiguous(&x->max))
		return x;
	return graph_op(g, &contiguous, NULL, &x, 1);
}

struct tensor *op_contiguous_rows(struct graph *g, struct tensor *x)
{
	int last = x ? x->max.nd - 1 : -1;

	if (last < 0 || x->max.stride[last] == 1 || x->max.n[last] == 1)
		return x;
	return op_contiguous(g, x);
}

static int contiguous_infer(const void *attr, const struct layout *in, int nr_in,
			    struct layout *out)
{
	if (in[0].nd < 0)
		return fail(-EINVAL, "contiguous: x is missing");
	out[0] = layout_like(&in[0], in[0].dtype);
	return 0;
}

static int contiguous_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	backward_add(b, n->in[0], dout[0]);
	return 0;
}

static void contiguous_cost(const void *attr, const struct layout *in, const struct layout *out,
			    struct cost *cost)
{
	cost->flops = 0;
	cost->bytes = rule_bytes(in, 1) + rule_bytes(out, 1);
}

static int contiguous_oracle(const struct oracle_call *c)
{
	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++)
		c->out[0][i] = c->in[0][i];
	return 0;
}

static const struct op_case contiguous_cases[] = {
	{ "one", NULL, 1, { CASE_DIFF(1, 1) } },
	{ "odd", NULL, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "integers", NULL, 1, { { .dtype = DT_I32, .nd = 2, .n = { 9, 11 }, .fill = FILL_IDS,
				   .limit = 1000 } } },
	{ "tiles", NULL, 1, { CASE_EXT(1, 2, 37, 1031) } },
	{ NULL },
};

static const struct op contiguous = {
	.name = "contiguous",
	.summary = "row-major copy of a view",
	.nr_in = 1,
	.nr_out = 1,
	.strided_in = 1,
	.compute_in = 1,
	.infer = contiguous_infer,
	.grad = contiguous_backward,
	.cost = contiguous_cost,
	.oracle = OP_TEST(contiguous_oracle),
	.cases = OP_TEST(contiguous_cases),
};
OP_REGISTER(contiguous);
