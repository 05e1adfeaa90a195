// SPDX-License-Identifier: MIT
#include "ops/slice.h"

#include "base/fail.h"
#include "ops/rules.h"

static const struct op slice;

struct tensor *op_slice(struct graph *g, struct tensor *x, int dim, int64_t start,
			int64_t length)
{
	struct slice_attr attr = { .dim = dim, .start = start, .length = length };

	if (x && dim < 0)
		attr.dim += x->max.nd;
	return graph_op(g, &slice, &attr, &x, 1);
}

static int slice_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	const struct slice_attr *a = attr;
	char text[SHAPE_TEXT];
	int ret = rule_dim("slice", "x", &in[0], a->dim);
	int64_t n, length;

	if (ret)
		return ret;
	n = in[0].n[a->dim];
	length = a->length < 0 ? n - a->start : a->length;
	if (a->start < 0 || length < 1 || a->start >= n || length > n - a->start)
		return fail(-EINVAL, "slice: no %lld elements from %lld on in dimension %d of %s",
			    (long long)length, (long long)a->start, a->dim,
			    layout_text(&in[0], text));
	out[0] = in[0];
	out[0].n[a->dim] = length;
	out[0].offset += a->start * in[0].stride[a->dim];
	return 0;
}

static int slice_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	const struct slice_attr *a = n->attr;

	backward_add_slice(b, n->in[0], a->dim, a->start, dout[0]);
	return 0;
}

static const struct slice_attr whole = { 0, 0, -1 }, front = { 2, 0, 4 }, middle = { 2, 2, 3 },
	end = { 1, 3, -1 }, batch = { 0, 1, 1 };

static const struct op_case slice_cases[] = {
	{ "one", &whole, 1, { CASE_DIFF(1, 1) } },
	{ "whole", &whole, 1, { CASE_DIFF_EXT(3, 2, 3, 5) } },
	{ "front", &front, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "middle", &middle, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "to the end", &end, 1, { CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "batch", &batch, 1, { CASE_DIFF(3, 3, 5, 7) } },
	{ "tiles", &front, 1, { CASE_F32(3, 37, 129, 7) } },
	{ NULL },
};

static const struct op slice = {
	.name = "slice",
	.summary = "part of a tensor along one dimension (view)",
	.attr_size = sizeof(struct slice_attr),
	.nr_in = 1,
	.nr_out = 1,
	.flags = OP_VIEW,
	.strided_in = 1,
	.infer = slice_infer,
	.grad = slice_backward,
	.cases = OP_TEST(slice_cases),
};
OP_REGISTER(slice);
