// SPDX-License-Identifier: MIT
#include "ops/concat.h"

#include "base/fail.h"
#include "ops/contiguous.h"
#include "ops/rules.h"
#include "ops/slice.h"

static const struct op concat;

struct tensor *op_concat(struct graph *g, struct tensor *const *x, int nr, int dim)
{
	struct slice_place attr = { .dim = dim };

	if (nr > 0 && x[0] && dim < 0)
		attr.dim += x[0]->max.nd;
	return graph_op(g, &concat, &attr, x, nr);
}

/* The other sizes of input @i must be those of the first. */
static int check_part(const struct layout *first, const struct layout *l, int dim, int i)
{
	char text[SHAPE_TEXT], want[SHAPE_TEXT];
	bool fits = l->nd == first->nd && l->dtype == first->dtype;

	for (int d = 0; fits && d < l->nd; d++)
		fits = d == dim || l->n[d] == first->n[d];
	if (!fits)
		return fail(-EINVAL, "concat: input %d is %s: does not fit to %s along dimension "
			    "%d", i, l->nd < 0 ? "missing" : layout_text(l, text),
			    layout_text(first, want), dim);
	return 0;
}

static int concat_infer(const void *attr, const struct layout *in, int nr_in,
			struct layout *out)
{
	const struct slice_place *a = attr;
	int64_t n[MAX_DIMS], total = 0;
	int ret = rule_dim("concat", "x", &in[0], a->dim);

	for (int i = 0; i < nr_in && !ret; i++) {
		ret = check_part(&in[0], &in[i], a->dim, i);
		total += in[i].n[a->dim];
	}
	if (ret)
		return ret;
	for (int d = 0; d < in[0].nd; d++)
		n[d] = d == a->dim ? total : in[0].n[d];
	out[0] = layout_make(in[0].dtype, in[0].nd, n);
	return 0;
}

static int concat_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	const struct slice_place *a = n->attr;
	struct graph *g = backward_graph(b);
	int64_t at = 0;

	for (int i = 0; i < n->nr_in; i++) {
		int64_t length = n->in[i]->max.n[a->dim];
		struct tensor *part;

		if (backward_needs(b, n->in[i])) {
			part = op_slice(g, dout[0], a->dim, at, i == n->nr_in - 1 ? -1 : length);
			backward_add(b, n->in[i], op_contiguous(g, part));
		}
		at += length;
	}
	return 0;
}

static void concat_cost(const void *attr, const struct layout *in, const struct layout *out,
			struct cost *cost)
{
	cost->flops = 0;
	cost->bytes = 2 * rule_bytes(out, 1);
}

static int concat_oracle(const struct oracle_call *c)
{
	const struct slice_place *a = c->attr;
	int64_t inner = 1, outer = 1, total = c->out_layout[0].n[a->dim], at = 0;

	for (int d = 0; d < a->dim; d++)
		outer *= c->out_layout[0].n[d];
	for (int d = a->dim + 1; d < c->out_layout[0].nd; d++)
		inner *= c->out_layout[0].n[d];
	for (int i = 0; i < c->nr_in; i++) {
		int64_t n = c->in_layout[i].n[a->dim];

		for (int64_t o = 0; o < outer; o++)
			for (int64_t k = 0; k < n * inner; k++)
				c->out[0][(o * total + at) * inner + k] =
					c->in[i][o * n * inner + k];
		at += n;
	}
	return 0;
}

static const struct slice_place first = { .dim = 0 }, second = { .dim = 1 }, third = { .dim = 2 };

static const struct op_case concat_cases[] = {
	{ "one", &first, 1, { CASE_DIFF(1, 1) } },
	{ "two", &first, 2, { CASE_DIFF(1, 1), CASE_DIFF(1, 3) } },
	{ "batch", &first, 2, { CASE_DIFF(3, 2, 5, 7), CASE_DIFF_EXT(1, 3, 3, 5, 7) } },
	{ "middle", &second, 2, { CASE_DIFF_EXT(1, 3, 3, 2, 7), CASE_DIFF_EXT(3, 3, 3, 5, 7) } },
	{ "last", &third, 3,
	  { CASE_DIFF_EXT(3, 3, 3, 5, 7), CASE_DIFF_EXT(3, 3, 3, 5, 1),
	    CASE_DIFF_EXT(3, 3, 3, 5, 4) } },
	{ "integers", &first, 2,
	  { { .dtype = DT_I32, .nd = 1, .n = { 5 }, .fill = FILL_IDS, .limit = 1000 },
	    { .dtype = DT_I32, .nd = 1, .n = { 9 }, .fill = FILL_IDS, .limit = 1000 } } },
	{ "tiles", &second, 3,
	  { CASE_F32(2, 67, 384), CASE_F32(2, 67, 384), CASE_F32(2, 67, 129) } },
	{ NULL },
};

static const struct op concat = {
	.name = "concat",
	.summary = "tensors joined along one dimension",
	.attr_size = sizeof(struct slice_place),
	.nr_in = MAX_IN,
	.nr_out = 1,
	.strided_in = (1 << MAX_IN) - 1,
	.optional_in = (1 << MAX_IN) - 2,
	.compute_in = (1 << MAX_IN) - 1,
	.infer = concat_infer,
	.grad = concat_backward,
	.cost = concat_cost,
	.oracle = OP_TEST(concat_oracle),
	.cases = OP_TEST(concat_cases),
};
OP_REGISTER(concat);
