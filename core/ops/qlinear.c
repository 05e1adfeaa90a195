// SPDX-License-Identifier: MIT
#include "ops/qlinear.h"

#include <stdlib.h>

#include "base/fail.h"
#include "ops/rules.h"

static const struct op qlinear;

struct tensor *op_qlinear(struct graph *g, struct tensor *x, struct tensor *w,
			  struct tensor *bias, enum act_round round)
{
	struct qlinear_attr attr = { .round = round };
	struct tensor *in[3] = { x, w, bias };

	return graph_op(g, &qlinear, &attr, in, 3);
}

/* f16, bf16 or a block type that is compiled in, (N, K) of whole blocks. */
static int check_weight(const struct layout *x, const struct layout *w)
{
	char text[SHAPE_TEXT], weight[SHAPE_TEXT];
	bool block = dtype_is_block(w->dtype);

	if (!block && w->dtype != DT_F16 && w->dtype != DT_BF16)
		return fail(-EINVAL, "qlinear: w is %s: must be f16, bf16 or of a block type",
			    layout_text(w, weight));
	if (w->nd != 2 || w->n[1] != layout_last(x))
		return fail(-EINVAL, "qlinear: x is %s and w %s: must be (..., K) and (N, K)",
			    layout_text(x, text), layout_text(w, weight));
	if (w->n[0] < 1 || w->n[1] < 1 || w->n[1] % dtype_info(w->dtype)->block)
		return fail(-EINVAL, "qlinear: w is %s: needs rows of whole blocks of %d",
			    layout_text(w, weight), dtype_info(w->dtype)->block);
	return block && !block_type(w->dtype) ? -EOPNOTSUPP : 0;
}

static int qlinear_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	const struct layout *bias = rule_input(in, nr_in, 2);
	int ret = rule_f32("qlinear", "x", &in[0]);

	if (!ret)
		ret = rule_rows("qlinear", "x", &in[0]);
	if (!ret)
		ret = check_weight(&in[0], &in[1]);
	if (!ret && bias->nd >= 0)
		ret = rule_vector("qlinear", "bias", bias, in[1].n[0]);
	if (ret)
		return ret;
	out[0] = in[0];
	out[0].n[out[0].nd - 1] = in[1].n[0];
	out[0] = layout_like(&out[0], DT_F32);
	return 0;
}

static void qlinear_cost(const void *attr, const struct layout *in, const struct layout *out,
			 struct cost *cost)
{
	cost->flops = 2.0 * (double)layout_count(out) * (double)in[1].n[1];
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 1);
}

static int64_t qlinear_reduce(const void *attr, const struct layout *in, const struct layout *out)
{
	return in[1].n[1];
}

/* Row @x as the products see it. */
static int round_row(enum act_round round, enum dtype type, const double *x, double *rounded,
		     int64_t k)
{
	float *from = malloc(2 * k * sizeof(*from)), *to = from + k;

	if (!from)
		return fail_nomem(2 * k * sizeof(*from), "a row");
	for (int64_t i = 0; i < k; i++)
		from[i] = to[i] = (float)x[i];
	if (round == ACT_ROUND_Q8 && dtype_is_block(type))
		act_round_row(block_type(type)->act, from, to, k);
	for (int64_t i = 0; i < k; i++) {
		if (round == ACT_ROUND_Q8 && type == DT_F16)
			to[i] = f16_to_f32(f32_to_f16(from[i]));
		else if (round == ACT_ROUND_Q8 && type == DT_BF16)
			to[i] = bf16_to_f32(f32_to_bf16(from[i]));
		rounded[i] = to[i];
	}
	free(from);
	return 0;
}

static int qlinear_oracle(const struct oracle_call *c)
{
	const struct qlinear_attr *a = c->attr;
	int64_t k = c->in_layout[1].n[1], n = c->in_layout[1].n[0];
	double *x = malloc(k * sizeof(*x));
	int ret = x ? 0 : fail_nomem(k * sizeof(*x), "a row");

	for (int64_t r = 0; r < layout_rows(&c->in_layout[0]) && !ret; r++) {
		ret = round_row(a->round, c->in_layout[1].dtype, c->in[0] + r * k, x, k);
		for (int64_t j = 0; j < n && !ret; j++) {
			double sum = c->nr_in > 2 && c->in[2] ? c->in[2][j] : 0;

			for (int64_t i = 0; i < k; i++)
				sum += x[i] * c->in[1][j * k + i];
			c->out[0][r * n + j] = sum;
		}
	}
	free(x);
	return ret;
}

static const struct qlinear_attr none = { ACT_ROUND_NONE }, q8 = { ACT_ROUND_Q8 };

#define W(type, n, k) CASE_FILL(type, FILL_NORMAL, 2, n, k)
/* A block, several of them, and tiles: k is a block, k3 an odd number of them, k17 many. */
#define CASES(name, type, k, k3, k17)							\
	{ name " one", &none, 2, { CASE_F32(2, 1, k), W(type, 1, k) } },		\
	{ name " one q8", &q8, 2, { CASE_F32(2, 1, k), W(type, 1, k) } },		\
	{ name " odd", &none, 3,							\
	  { CASE_EXT(1, 2, 3, k3), W(type, 7, k3), CASE_F32(1, 7) } },			\
	{ name " odd q8", &q8, 3,							\
	  { CASE_EXT(1, 2, 3, k3), W(type, 7, k3), CASE_F32(1, 7) } },			\
	{ name " eight", &none, 2, { CASE_F32(2, 8, k17), W(type, 33, k17) } },		\
	{ name " eight q8", &q8, 2, { CASE_F32(2, 8, k17), W(type, 33, k17) } },	\
	{ name " tiles", &none, 3,							\
	  { CASE_EXT(1, 3, 5, 13, k17), W(type, 131, k17), CASE_F32(1, 131) } },	\
	{ name " tiles q8", &q8, 3,							\
	  { CASE_EXT(1, 3, 5, 13, k17), W(type, 131, k17), CASE_F32(1, 131) } },
#define SMALL(name, type) CASES(name, type, 32, 96, 544)
#define SUPER(name, type) CASES(name, type, 256, 768, 1280)

static const struct op_case qlinear_cases[] = {
	CASES("f16", DT_F16, 1, 37, 301)
	CASES("bf16", DT_BF16, 1, 37, 301)
	CASES_OF_BLOCKS(
	SMALL("q4_1", DT_Q4_1)
	SMALL("q5_0", DT_Q5_0)
	SMALL("q5_1", DT_Q5_1)
	SMALL("q8_0", DT_Q8_0)
	SMALL("iq4_nl", DT_IQ4_NL)
	SUPER("q2_k", DT_Q2_K)
	SUPER("q3_k", DT_Q3_K)
	SUPER("q4_k", DT_Q4_K)
	SUPER("q5_k", DT_Q5_K)
	SUPER("q6_k", DT_Q6_K)
	SMALL("q4_0", DT_Q4_0))
	{ NULL },
};

/* Width 2048: a token, with more weights than a cache holds; a prompt. */
#define TIMED(name, type)								\
	{ name "-1", &none, 2, { CASE_F32(2, 1, 2048), W(type, 65536, 2048) } },		\
	{ name "-1-q8", &q8, 2, { CASE_F32(2, 1, 2048), W(type, 65536, 2048) } },	\
	{ name "-512", &none, 2, { CASE_F32(2, 512, 2048), W(type, 1024, 2048) } },	\
	{ name "-512-q8", &q8, 2, { CASE_F32(2, 512, 2048), W(type, 1024, 2048) } },

static const struct op_case qlinear_timed[] = {
	TIMED("f16", DT_F16)
	CASES_OF_BLOCKS(
	TIMED("q4_0", DT_Q4_0)
	TIMED("q4_1", DT_Q4_1)
	TIMED("q8_0", DT_Q8_0)
	TIMED("q4_k", DT_Q4_K)
	TIMED("q6_k", DT_Q6_K))
	{ NULL },
};

static const struct op qlinear = {
	.name = "qlinear",
	.summary = "x W^T + b, W in the type that a file holds it in",
	.attr_size = sizeof(struct qlinear_attr),
	.nr_in = 3,
	.nr_out = 1,
	.optional_in = 1 << 2,
	.infer = qlinear_infer,
	.cost = qlinear_cost,
	.reduce = qlinear_reduce,
	.oracle = OP_TEST(qlinear_oracle),
	.cases = OP_TEST(qlinear_cases),
	.timed = OP_TEST(qlinear_timed),
};
OP_REGISTER(qlinear);
