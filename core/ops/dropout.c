// SPDX-License-Identifier: MIT
#include "ops/dropout.h"

#include "base/fail.h"
#include "base/hash.h"
#include "base/rng.h"
#include "ops/rules.h"

static const struct op dropout;

struct tensor *op_dropout(struct graph *g, struct tensor *x, struct tensor *key, float rate,
			  const char *name)
{
	struct dropout_attr attr = { .purpose = hash_name(name), .rate = rate };
	struct tensor *in[2] = { x, key };

	if (rate == 0)
		return x;
	return graph_op(g, &dropout, &attr, in, 2);
}

static int dropout_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	const struct dropout_attr *a = attr;
	char text[SHAPE_TEXT];

	if (!(a->rate >= 0 && a->rate < 1))
		return fail(-EINVAL, "dropout: rate %g: must be at least 0 and below 1", a->rate);
	if (in[1].dtype != DT_I64 || in[1].nd != 1 || in[1].n[0] != 2)
		return fail(-EINVAL, "dropout: key is %s: must be i64 (2), seed and step",
			    layout_text(&in[1], text));
	out[0] = layout_like(&in[0], in[0].dtype);
	return rule_real("dropout", "x", &in[0]);
}

static int dropout_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	struct tensor *in[2] = { dout[0], n->in[1] };

	backward_add(b, n->in[0], graph_op(backward_graph(b), &dropout, n->attr, in, 2));
	return 0;
}

static void dropout_cost(const void *attr, const struct layout *in, const struct layout *out,
			 struct cost *cost)
{
	cost->flops = layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 1) + rule_bytes(out, 1);
}

static int dropout_oracle(const struct oracle_call *c)
{
	const struct dropout_attr *a = c->attr;
	struct rng r = rng_stream_hashed((uint64_t)(int64_t)c->in[1][0], a->purpose,
					 (uint64_t)(int64_t)c->in[1][1]);

	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++)
		c->out[0][i] = rng_uniform(&r, i) < a->rate ? 0
			     : c->in[0][i] / (1 - (double)a->rate);
	return 0;
}

static const struct dropout_attr tenth = { .purpose = 12345, .rate = 0.1f },
				 most = { .purpose = 99, .rate = 0.9f },
				 none = { .purpose = 7, .rate = 0 };

#define KEY CASE_FILL(DT_I64, FILL_RNG, 1, 2)
static const struct op_case dropout_cases[] = {
	{ "one", &tenth, 2, { CASE_DIFF(1, 1), KEY } },
	{ "odd", &tenth, 2, { CASE_DIFF_EXT(3, 3, 3, 5, 7), KEY } },
	{ "most", &most, 2, { CASE_DIFF(2, 9, 11), KEY } },
	{ "nothing", &none, 2, { CASE_F32(2, 9, 11), KEY } },
	{ "tiles", &tenth, 2, { CASE_EXT(1, 2, 37, 1031), KEY } },
	{ .name = NULL },
};

static const struct op_case dropout_timed[] = {
	{ "6x384", &tenth, 2, { CASE_F32(2, 4096, 384), KEY } },
	{ "large", &tenth, 2, { CASE_F32(2, 65536, 384), KEY } },
	{ NULL },
};

static const struct op dropout = {
	.name = "dropout",
	.summary = "zero elements at random and scale up the rest",
	.attr_size = sizeof(struct dropout_attr),
	.nr_in = 2,
	.nr_out = 1,
	.flags = OP_RANDOM,
	.compute_in = 1,
	.inplace = { 1 },
	.infer = dropout_infer,
	.grad = dropout_backward,
	.cost = dropout_cost,
	.oracle = OP_TEST(dropout_oracle),
	.cases = OP_TEST(dropout_cases),
	.timed = OP_TEST(dropout_timed),
};
OP_REGISTER(dropout);
