// SPDX-License-Identifier: MIT
#include "ops/transpose.h"

#include "ops/contiguous.h"
#include "ops/rules.h"

static const struct op transpose;

struct tensor *op_transpose(struct graph *g, struct tensor *x, int dim_a, int dim_b)
{
	struct transpose_attr attr = { .a = dim_a, .b = dim_b };

	if (x && dim_a < 0)
		attr.a += x->max.nd;
	if (x && dim_b < 0)
		attr.b += x->max.nd;
	return graph_op(g, &transpose, &attr, &x, 1);
}

static int transpose_infer(const void *attr, const struct layout *in, int nr_in,
			   struct layout *out)
{
	const struct transpose_attr *t = attr;
	int ret = rule_dim("transpose", "x", &in[0], t->a);

	if (!ret)
		ret = rule_dim("transpose", "x", &in[0], t->b);
	if (ret)
		return ret;
	out[0] = in[0];
	out[0].n[t->a] = in[0].n[t->b];
	out[0].n[t->b] = in[0].n[t->a];
	out[0].stride[t->a] = in[0].stride[t->b];
	out[0].stride[t->b] = in[0].stride[t->a];
	return 0;
}

static int transpose_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	const struct transpose_attr *t = n->attr;
	struct graph *g = backward_graph(b);

	backward_add(b, n->in[0], op_contiguous(g, op_transpose(g, dout[0], t->a, t->b)));
	return 0;
}

static const struct transpose_attr rows = { 0, 1 }, heads = { 1, 2 }, ends = { 0, 2 },
	none = { 0, 0 };

static const struct op_case transpose_cases[] = {
	{ "one", &rows, 1, { CASE_DIFF(2, 1, 1) } },
	{ "none", &none, 1, { CASE_DIFF(1, 5) } },
	{ "matrix", &rows, 1, { CASE_DIFF_EXT(3, 2, 3, 5) } },
	{ "heads", &heads, 1, { CASE_DIFF_EXT(3, 4, 2, 3, 5, 4) } },
	{ "ends", &ends, 1, { CASE_DIFF_EXT(7, 3, 3, 5, 7) } },
	{ "tiles", &rows, 1, { CASE_EXT(3, 2, 259, 131) } },
	{ NULL },
};

static const struct op transpose = {
	.name = "transpose",
	.summary = "two dimensions swapped (view)",
	.attr_size = sizeof(struct transpose_attr),
	.nr_in = 1,
	.nr_out = 1,
	.flags = OP_VIEW,
	.strided_in = 1,
	.infer = transpose_infer,
	.grad = transpose_backward,
	.cases = OP_TEST(transpose_cases),
};
OP_REGISTER(transpose);
