// SPDX-License-Identifier: MIT
#include "ops/pad-slice.h"

#include "base/fail.h"
#include "ops/contiguous.h"
#include "ops/rules.h"
#include "ops/slice.h"

static const struct op pad_slice;

struct tensor *op_pad_slice(struct graph *g, struct tensor *x, struct tensor *like, int dim,
			    int64_t start)
{
	struct slice_place attr = { .dim = dim, .start = start };
	struct tensor *in[2] = { x, like };

	if (x && dim < 0)
		attr.dim += x->max.nd;
	return graph_op(g, &pad_slice, &attr, in, 2);
}

static int pad_slice_infer(const void *attr, const struct layout *in, int nr_in,
			   struct layout *out)
{
	const struct slice_place *a = attr;
	char x[SHAPE_TEXT], like[SHAPE_TEXT];
	int ret = rule_dim("pad_slice", "x", &in[0], a->dim);
	bool fits = in[0].nd == in[1].nd;

	if (ret)
		return ret;
	for (int d = 0; fits && d < in[0].nd; d++)
		if (d == a->dim)
			fits = a->start >= 0 && in[0].n[d] <= in[1].n[d] - a->start;
		else
			fits = in[0].n[d] == in[1].n[d];
	if (!fits)
		return fail(-EINVAL, "pad_slice: %s does not fit into %s from %lld on along %d",
			    layout_text(&in[0], x), layout_text(&in[1], like),
			    (long long)a->start, a->dim);
	out[0] = layout_like(&in[1], in[0].dtype);
	return 0;
}

static int pad_slice_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	const struct slice_place *a = n->attr;
	struct graph *g = backward_graph(b);
	int64_t length = n->in[0]->max.n[a->dim];

	if (a->start + length == n->in[1]->max.n[a->dim])
		length = -1;	/* to the end, which may be an extent */
	backward_add(b, n->in[0],
		     op_contiguous(g, op_slice(g, dout[0], a->dim, a->start, length)));
	return 0;
}

static void pad_slice_cost(const void *attr, const struct layout *in, const struct layout *out,
			   struct cost *cost)
{
	cost->flops = 0;
	cost->bytes = rule_bytes(in, 1) + rule_bytes(out, 1);
}

static int pad_slice_oracle(const struct oracle_call *c)
{
	const struct slice_place *a = c->attr;
	int64_t n = c->in_layout[0].n[a->dim], total = c->out_layout[0].n[a->dim], inner = 1;

	for (int d = a->dim + 1; d < c->out_layout[0].nd; d++)
		inner *= c->out_layout[0].n[d];
	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++) {
		int64_t at = i / inner % total - a->start, outer = i / inner / total;

		c->out[0][i] = at < 0 || at >= n ? 0
				: c->in[0][(outer * n + at) * inner + i % inner];
	}
	return 0;
}

static const struct slice_place first = { 0, 0 }, second = { 1, 2 }, third = { 2, 1 };

static const struct op_case pad_slice_cases[] = {
	{ "one", &first, 2, { CASE_DIFF(1, 1), CASE_F32(1, 1) } },
	{ "front", &first, 2, { CASE_DIFF(2, 2, 7), CASE_EXT(1, 2, 5, 7) } },
	{ "middle", &second, 2, { CASE_DIFF_EXT(1, 3, 3, 2, 7), CASE_EXT(3, 3, 3, 5, 7) } },
	{ "last", &third, 2, { CASE_DIFF_EXT(3, 3, 3, 5, 3), CASE_EXT(3, 3, 3, 5, 7) } },
	{ "tiles", &second, 2, { CASE_F32(2, 67, 384), CASE_F32(2, 67, 700) } },
	{ NULL },
};

static const struct op pad_slice = {
	.name = "pad_slice",
	.summary = "a tensor placed among zeros",
	.attr_size = sizeof(struct slice_place),
	.nr_in = 2,
	.nr_out = 1,
	.strided_in = 3,
	.compute_in = 1,
	.infer = pad_slice_infer,
	.grad = pad_slice_backward,
	.cost = pad_slice_cost,
	.oracle = OP_TEST(pad_slice_oracle),
	.cases = OP_TEST(pad_slice_cases),
};
OP_REGISTER(pad_slice);
