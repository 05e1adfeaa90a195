// SPDX-License-Identifier: MIT
#include "ops/merge-dims.h"

#include "base/fail.h"
#include "ops/contiguous.h"
#include "ops/rules.h"
#include "ops/split-dim.h"

static const struct op merge_dims;

/* Is a step in the outer dimension as far as all steps of the inner one? */
static bool mergeable(const struct layout *l, int dim)
{
	return l->n[dim] == 1 || l->n[dim + 1] == 1 ||
	       l->stride[dim] == l->n[dim + 1] * l->stride[dim + 1];
}

struct tensor *op_merge_dims(struct graph *g, struct tensor *x, int dim)
{
	struct merge_dims_attr attr = { .dim = dim };

	if (x && dim < 0)
		attr.dim += x->max.nd;
	if (x && attr.dim >= 0 && attr.dim + 1 < x->max.nd && !mergeable(&x->max, attr.dim))
		x = op_contiguous(g, x);
	return graph_op(g, &merge_dims, &attr, &x, 1);
}

static int merge_dims_infer(const void *attr, const struct layout *in, int nr_in,
			    struct layout *out)
{
	const struct merge_dims_attr *a = attr;
	char text[SHAPE_TEXT];
	int ret = rule_dim("merge_dims", "x", &in[0], a->dim);

	if (!ret)
		ret = rule_dim("merge_dims", "x", &in[0], a->dim + 1);
	if (ret)
		return ret;
	if (!mergeable(&in[0], a->dim))
		return fail(-EINVAL, "merge_dims: dimensions %d and %d of the view %s lie apart",
			    a->dim, a->dim + 1, layout_text(&in[0], text));
	out[0] = in[0];
	out[0].nd--;
	out[0].n[a->dim] = in[0].n[a->dim] * in[0].n[a->dim + 1];
	/* The stride of a single element says nothing. */
	out[0].stride[a->dim] = in[0].stride[in[0].n[a->dim + 1] == 1 ? a->dim : a->dim + 1];
	for (int d = a->dim + 1; d < out[0].nd; d++) {
		out[0].n[d] = in[0].n[d + 1];
		out[0].stride[d] = in[0].stride[d + 1];
	}
	return 0;
}

static int merge_dims_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	const struct merge_dims_attr *a = n->attr;
	struct graph *g = backward_graph(b);

	/* Both sizes may be extents: the inner one is taken from the input. */
	backward_add(b, n->in[0],
		     op_split_dim_like(g, op_contiguous(g, dout[0]), a->dim, n->in[0]));
	return 0;
}

static const struct merge_dims_attr first = { 0 }, second = { 1 }, third = { 2 };

static const struct op_case merge_dims_cases[] = {
	{ "one", &first, 1, { CASE_DIFF(2, 1, 1) } },
	{ "batch", &first, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "last", &second, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "heads", &third, 1, { CASE_DIFF_EXT(3, 4, 2, 3, 4, 5) } },
	{ "tiles", &first, 1, { CASE_EXT(3, 3, 7, 129, 64) } },
	{ NULL },
};

static const struct op merge_dims = {
	.name = "merge_dims",
	.summary = "two neighbouring dimensions as one (view)",
	.attr_size = sizeof(struct merge_dims_attr),
	.nr_in = 1,
	.nr_out = 1,
	.flags = OP_VIEW,
	.strided_in = 1,
	.infer = merge_dims_infer,
	.grad = merge_dims_backward,
	.cases = OP_TEST(merge_dims_cases),
};
OP_REGISTER(merge_dims);
