// SPDX-License-Identifier: MIT
#include "ops/split-dim.h"

#include "base/fail.h"
#include "ops/contiguous.h"
#include "ops/merge-dims.h"
#include "ops/rules.h"

static const struct op split_dim;

struct tensor *op_split_dim(struct graph *g, struct tensor *x, int dim, int64_t inner)
{
	struct split_dim_attr attr = { .dim = dim, .inner = inner };

	if (x && dim < 0)
		attr.dim += x->max.nd;
	if (inner < 1)
		return graph_fail(g, fail(-EINVAL, "split_dim: inner size %lld",
					  (long long)inner));
	return graph_op(g, &split_dim, &attr, &x, 1);
}

struct tensor *op_split_dim_like(struct graph *g, struct tensor *x, int dim,
				 struct tensor *like)
{
	struct split_dim_attr attr = { .dim = dim };
	struct tensor *in[2] = { x, like };

	if (x && dim < 0)
		attr.dim += x->max.nd;
	return graph_op(g, &split_dim, &attr, in, 2);
}

static int split_dim_infer(const void *attr, const struct layout *in, int nr_in,
			   struct layout *out)
{
	const struct split_dim_attr *a = attr;
	char text[SHAPE_TEXT];
	int ret = rule_dim("split_dim", "x", &in[0], a->dim);
	int64_t inner = a->inner;

	if (!ret && !inner && nr_in < 2)
		ret = fail(-EINVAL, "split_dim: no inner size");
	if (!ret && !inner)
		ret = rule_dim("split_dim", "like", &in[1], a->dim + 1);
	if (ret)
		return ret;
	if (!inner)
		inner = in[1].n[a->dim + 1];
	if (in[0].nd == MAX_DIMS || in[0].n[a->dim] % inner)
		return fail(-EINVAL, "split_dim: cannot split dimension %d of %s by %lld", a->dim,
			    layout_text(&in[0], text), (long long)inner);
	out[0] = in[0];
	out[0].nd++;
	for (int d = a->dim + 1; d < out[0].nd; d++) {
		out[0].n[d] = in[0].n[d - 1];
		out[0].stride[d] = in[0].stride[d - 1];
	}
	out[0].n[a->dim] = in[0].n[a->dim] / inner;
	out[0].stride[a->dim] = in[0].stride[a->dim] * inner;
	out[0].n[a->dim + 1] = inner;
	return 0;
}

static int split_dim_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	const struct split_dim_attr *a = n->attr;
	struct graph *g = backward_graph(b);

	backward_add(b, n->in[0], op_merge_dims(g, op_contiguous(g, dout[0]), a->dim));
	return 0;
}

static const struct split_dim_attr one = { 0, 1 }, heads = { 2, 4 }, front = { 0, 3 },
	like = { 0, 0 };

static const struct op_case split_dim_cases[] = {
	{ "one", &one, 1, { CASE_DIFF(1, 1) } },
	{ "heads", &heads, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 12) } },
	{ "front", &front, 1, { CASE_DIFF_EXT(2, 2, 6, 5) } },
	{ "like", &like, 2, { CASE_DIFF(2, 6, 5), CASE_F32(2, 7, 3) } },
	{ "tiles", &heads, 1, { CASE_EXT(3, 3, 7, 129, 64) } },
	{ NULL },
};

static const struct op split_dim = {
	.name = "split_dim",
	.summary = "one dimension as two (view)",
	.attr_size = sizeof(struct split_dim_attr),
	.nr_in = 2,
	.nr_out = 1,
	.flags = OP_VIEW,
	.strided_in = 3,
	.optional_in = 2,
	.infer = split_dim_infer,
	.grad = split_dim_backward,
	.cases = OP_TEST(split_dim_cases),
};
OP_REGISTER(split_dim);
