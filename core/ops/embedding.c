// SPDX-License-Identifier: MIT
#include "ops/embedding.h"

#include "base/fail.h"
#include "block/block.h"
#include "ops/rules.h"

static const struct op embedding, embedding_grad;

struct tensor *op_embedding(struct graph *g, struct tensor *table, struct tensor *ids,
			    enum dtype out)
{
	struct embedding_attr attr = { .out = out };
	struct tensor *in[2] = { table, ids };

	return graph_op(g, &embedding, &attr, in, 2);
}

struct tensor *op_embedding_grad(struct graph *g, struct tensor *dout, struct tensor *ids,
				 int64_t rows, struct tensor *prev, struct tensor *flag,
				 bool always_add)
{
	struct embedding_grad_attr attr = { .rows = rows, .accumulate = { always_add } };
	struct tensor *in[4] = { dout, ids, prev, flag };

	return graph_op(g, &embedding_grad, &attr, in, 4);
}

static int check_ids(const char *op, const struct layout *ids)
{
	char text[SHAPE_TEXT];

	if (ids->dtype != DT_I32 || ids->nd < 0 || ids->nd >= MAX_DIMS)
		return fail(-EINVAL, "%s: ids is %s: must be i32 of at most %d dimensions", op,
			    layout_text(ids, text), MAX_DIMS - 1);
	return 0;
}

/* (..., n) for ids of (...). */
static struct layout rows_for(const struct layout *ids, int64_t n, enum dtype type)
{
	struct layout l = *ids;

	l.n[l.nd++] = n;
	return layout_like(&l, type);
}

/* Any type that holds real numbers, also one in which weights are stored. */
static int check_table(const struct layout *table)
{
	char text[SHAPE_TEXT];

	if (table->nd != 2)
		return fail(-EINVAL, "embedding: table is %s: must be (V, C)",
			    layout_text(table, text));
	if (dtype_is_block(table->dtype)) {
		if (!block_type(table->dtype))
			return -EOPNOTSUPP;
		if (table->n[1] % dtype_info(table->dtype)->block)
			return fail(-EINVAL, "embedding: rows of %s are not whole blocks",
				    layout_text(table, text));
		return 0;
	}
	return table->dtype == DT_F16 ? 0 : rule_real("embedding", "table", table);
}

static int embedding_infer(const void *attr, const struct layout *in, int nr_in,
			   struct layout *out)
{
	const struct embedding_attr *a = attr;
	int ret = check_table(&in[0]);

	if (!ret)
		ret = check_ids("embedding", &in[1]);
	if (!ret && a->out != DT_F32 && a->out != DT_BF16)
		ret = fail(-EINVAL, "embedding: the result is to be of type %d: must be f32 or "
			   "bf16", (int)a->out);
	if (!ret)
		out[0] = rows_for(&in[1], in[0].n[1], a->out);
	return ret;
}

static int embedding_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	struct tensor *table = n->in[0], *prev, *flag, *grad;
	bool always_add;

	if (!backward_needs(b, table))
		return 0;
	always_add = backward_slot(b, table, &prev, &flag);
	grad = op_embedding_grad(backward_graph(b), dout[0], n->in[1], table->max.n[0], prev, flag,
				 prev && always_add);
	if (prev && grad)
		backward_slot_done(b, table, grad);
	else
		backward_add(b, table, grad);
	return 0;
}

static void embedding_cost(const void *attr, const struct layout *in, const struct layout *out,
			   struct cost *cost)
{
	cost->flops = 0;
	cost->bytes = rule_bytes(&in[1], 1) + rule_bytes(out, 1) +
		      (double)dtype_bytes(in[0].dtype, layout_count(&out[0]));
}

static int check_id(const char *op, double id, int64_t rows)
{
	if (id < 0 || id >= rows)
		return fail(-EINVAL, "%s: id %.0f: must be at least 0 and below %lld", op, id,
			    (long long)rows);
	return 0;
}

static int embedding_oracle(const struct oracle_call *c)
{
	int64_t v = c->in_layout[0].n[0], n = c->in_layout[0].n[1];

	for (int64_t r = 0; r < layout_count(&c->in_layout[1]); r++) {
		int ret = check_id("embedding", c->in[1][r], v);

		if (ret)
			return ret;
		for (int64_t i = 0; i < n; i++)
			c->out[0][r * n + i] = c->in[0][(int64_t)c->in[1][r] * n + i];
	}
	return 0;
}

#define IDS(limit_, ...) \
	{ .dtype = DT_I32, __VA_ARGS__, .fill = FILL_IDS, .limit = (limit_) }
#define STORED(type, ...) CASE_FILL(type, FILL_NORMAL, 2, __VA_ARGS__)
static const struct embedding_attr wide = { DT_F32 }, half = { DT_BF16 };

static const struct op_case embedding_cases[] = {
	{ "one", &wide, 2, { CASE_DIFF(2, 1, 1), IDS(1, .nd = 1, .n = { 1 }) } },
	{ "scalar id", &wide, 2, { CASE_DIFF(2, 5, 3), IDS(5, .nd = 0) } },
	{ "odd", &wide, 2,
	  { CASE_DIFF(2, 11, 7), IDS(11, .nd = 2, .n = { 3, 5 }, .extent_dims = 3) } },
	{ "half", &half, 2, { CASE_DIFF(2, 11, 7), IDS(11, .nd = 2, .n = { 3, 5 }) } },
	{ "f16", &wide, 2, { STORED(DT_F16, 11, 7), IDS(11, .nd = 2, .n = { 3, 5 }) } },
	CASES_OF_BLOCKS(
	{ "q4_0", &wide, 2, { STORED(DT_Q4_0, 11, 96), IDS(11, .nd = 2, .n = { 3, 5 }) } },
	{ "q6_k", &half, 2, { STORED(DT_Q6_K, 11, 512), IDS(11, .nd = 2, .n = { 3, 5 }) } },)
	{ "half tiles", &half, 2, { CASE_F32(2, 1031, 67), IDS(1031, .nd = 2, .n = { 37, 41 }) } },
	{ "tiles", &wide, 2, { CASE_F32(2, 1031, 67), IDS(1031, .nd = 2, .n = { 37, 41 }) } },
	{ NULL },
};

static const struct op_case embedding_timed[] = {
	{ "6x384", &wide, 2, { CASE_F32(2, 257, 384), IDS(257, .nd = 1, .n = { 4096 }) } },
	{ "124M", &wide, 2, { CASE_F32(2, 50257, 768), IDS(50257, .nd = 1, .n = { 1024 }) } },
	{ "large", &wide, 2, { CASE_F32(2, 50257, 768), IDS(50257, .nd = 1, .n = { 65536 }) } },
	{ NULL },
};

static const struct op embedding = {
	.name = "embedding",
	.summary = "rows of a table, by their numbers",
	.attr_size = sizeof(struct embedding_attr),
	.nr_in = 2,
	.nr_out = 1,
	.compute_in = 1,
	.infer = embedding_infer,
	.grad = embedding_backward,
	.cost = embedding_cost,
	.oracle = OP_TEST(embedding_oracle),
	.cases = OP_TEST(embedding_cases),
	.timed = OP_TEST(embedding_timed),
};
OP_REGISTER(embedding);

/* ---- gradient ------------------------------------------------------------------ */

static int embedding_grad_infer(const void *attr, const struct layout *in, int nr_in,
				struct layout *out)
{
	const struct embedding_grad_attr *a = attr;
	struct layout rows;
	int ret = rule_real("embedding_grad", "dout", &in[0]);

	if (!ret)
		ret = check_ids("embedding_grad", &in[1]);
	if (!ret)
		ret = rule_rows("embedding_grad", "dout", &in[0]);
	if (ret)
		return ret;
	rows = rows_for(&in[1], layout_last(&in[0]), in[0].dtype);
	ret = rule_twin("embedding_grad", "dout", &in[0], "the embedding of ids", &rows);
	if (!ret && a->rows < 1)
		ret = fail(-EINVAL, "embedding_grad: a table of %lld rows", (long long)a->rows);
	if (ret)
		return ret;
	out[0] = layout_make(DT_F32, 2, (int64_t[]){ a->rows, layout_last(&in[0]) });
	return accumulate_rule("embedding_grad", rule_input(in, nr_in, 2), rule_input(in, nr_in, 3),
			       a->accumulate.always_add, &out[0]);
}

static void embedding_grad_cost(const void *attr, const struct layout *in,
				const struct layout *out, struct cost *cost)
{
	cost->flops = layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 1);
}

/* All ids may be the same. */
static int64_t embedding_grad_reduce(const void *attr, const struct layout *in,
				     const struct layout *out)
{
	return layout_count(&in[1]);
}

static int embedding_grad_oracle(const struct oracle_call *c)
{
	const struct embedding_grad_attr *a = c->attr;
	int64_t n = layout_last(&c->in_layout[0]);

	for (int64_t i = 0; i < a->rows * n; i++)
		c->out[0][i] = accumulate_base(c->in[2], c->in[3], a->accumulate.always_add, i);
	for (int64_t r = 0; r < layout_count(&c->in_layout[1]); r++) {
		int ret = check_id("embedding_grad", c->in[1][r], a->rows);

		if (ret)
			return ret;
		for (int64_t i = 0; i < n; i++)
			c->out[0][(int64_t)c->in[1][r] * n + i] += c->in[0][r * n + i];
	}
	return 0;
}

static const struct embedding_grad_attr one_row = { .rows = 1 }, eleven = { .rows = 11 },
	eleven_always = { .rows = 11, .accumulate = { .always_add = true } },
	many_rows = { .rows = 1031 }, bytes = { .rows = 257 }, words = { .rows = 50257 };

#define FLAG(how) CASE_FILL(DT_I32, how, 0)
#define ODD_IDS IDS(11, .nd = 2, .n = { 3, 5 }, .extent_dims = 3)
static const struct op_case embedding_grad_cases[] = {
	{ "one", &one_row, 4,
	  { CASE_F32(2, 1, 1), IDS(1, .nd = 1, .n = { 1 }), CASE_ABSENT, CASE_ABSENT } },
	{ "scalar id", &eleven, 4,
	  { CASE_F32(1, 3), IDS(11, .nd = 0), CASE_ABSENT, CASE_ABSENT } },
	{ "odd", &eleven, 4, { CASE_EXT(3, 3, 3, 5, 7), ODD_IDS, CASE_ABSENT, CASE_ABSENT } },
	{ "add", &eleven, 4,
	  { CASE_EXT(3, 3, 3, 5, 7), ODD_IDS, CASE_F32(2, 11, 7), FLAG(FILL_ONE) } },
	{ "overwrite", &eleven, 4,
	  { CASE_EXT(3, 3, 3, 5, 7), ODD_IDS, CASE_F32(2, 11, 7), FLAG(FILL_ZERO) } },
	{ "always", &eleven_always, 4,
	  { CASE_EXT(3, 3, 3, 5, 7), ODD_IDS, CASE_F32(2, 11, 7), CASE_ABSENT } },
	{ "many of one", &one_row, 4,
	  { CASE_EXT(1, 2, 2053, 67), IDS(1, .nd = 1, .n = { 2053 }, .extent_dims = 1),
	    CASE_ABSENT, CASE_ABSENT } },
	{ "tiles", &many_rows, 4,
	  { CASE_EXT(1, 3, 37, 41, 131),
	    IDS(1031, .nd = 2, .n = { 37, 41 }, .extent_dims = 1), CASE_F32(2, 1031, 131),
	    FLAG(FILL_ONE) } },
	{ NULL },
};

static const struct op_case embedding_grad_timed[] = {
	{ "6x384", &bytes, 4,
	  { CASE_F32(2, 4096, 384), IDS(257, .nd = 1, .n = { 4096 }), CASE_ABSENT, CASE_ABSENT } },
	{ "124M", &words, 4,
	  { CASE_F32(2, 1024, 768), IDS(50257, .nd = 1, .n = { 1024 }), CASE_F32(2, 50257, 768),
	    FLAG(FILL_ONE) } },
	{ "124M overwrite", &words, 4,
	  { CASE_F32(2, 1024, 768), IDS(50257, .nd = 1, .n = { 1024 }), CASE_F32(2, 50257, 768),
	    FLAG(FILL_ZERO) } },
	{ NULL },
};

static const struct op embedding_grad = {
	.name = "embedding_grad",
	.summary = "gradient of an embedding's table, accumulated in place",
	.attr_size = sizeof(struct embedding_grad_attr),
	.nr_in = 4,
	.nr_out = 1,
	.optional_in = 1 << 2 | 1 << 3,
	.compute_in = 1,
	.updates = { 3 },
	.infer = embedding_grad_infer,
	.cost = embedding_grad_cost,
	.reduce = embedding_grad_reduce,
	.oracle = OP_TEST(embedding_grad_oracle),
	.cases = OP_TEST(embedding_grad_cases),
	.timed = OP_TEST(embedding_grad_timed),
};
OP_REGISTER(embedding_grad);
