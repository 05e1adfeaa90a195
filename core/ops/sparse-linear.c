// SPDX-License-Identifier: MIT
#include "ops/sparse-linear.h"

#include <stdlib.h>

#include "base/fail.h"
#include "block/sparse.h"
#include "ops/rules.h"

static const struct op sparse_linear;

enum { IN_X, IN_VALUES, IN_PLACES, IN_STARTS, IN_BIAS, NR_IN };

struct tensor *op_sparse_linear(struct graph *g, struct tensor *x, const struct sparse_weight *w,
				struct tensor *bias, enum act_round round)
{
	struct sparse_linear_attr attr = { .round = round };
	struct tensor *in[NR_IN] = { x, w->values, w->places, w->starts, bias };

	return graph_op(g, &sparse_linear, &attr, in, NR_IN);
}

static int check_weight(const struct layout *in, const struct layout *starts)
{
	const struct layout *values = &in[IN_VALUES], *places = &in[IN_PLACES];
	char text[SHAPE_TEXT], weight[SHAPE_TEXT];
	int64_t k = layout_last(&in[IN_X]);

	if (values->dtype != DT_F32 && values->dtype != DT_F16 && values->dtype != DT_BF16)
		return fail(-EINVAL, "sparse_linear: values are %s: must be f32, f16 or bf16",
			    layout_text(values, text));
	if (places->dtype != DT_U8 || places->nd != 2 || places->n[0] < 1 ||
	    places->n[1] != sparse_row_bytes(k))
		return fail(-EINVAL, "sparse_linear: x is %s and places %s: must be (..., K) and "
			    "u8 (N, K / 8)", layout_text(&in[IN_X], text),
			    layout_text(places, weight));
	if (starts->nd >= 0 && (starts->dtype != DT_I64 || starts->nd != 1 ||
				starts->n[0] != places->n[0] || values->nd != 1))
		return fail(-EINVAL, "sparse_linear: starts are %s and values %s: must be i64 (N) "
			    "and (values)", layout_text(starts, text), layout_text(values, weight));
	if (starts->nd < 0 && (k % 8 || values->nd != 2 || values->n[0] != places->n[0] ||
			       values->n[1] != k / 2))
		return fail(-EINVAL, "sparse_linear: values are %s: 2:4 has (N, K / 2), K a "
			    "multiple of 8", layout_text(values, text));
	return 0;
}

static int sparse_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	const struct layout *bias = rule_input(in, nr_in, IN_BIAS);
	int ret = rule_f32("sparse_linear", "x", &in[IN_X]);

	if (!ret)
		ret = rule_rows("sparse_linear", "x", &in[IN_X]);
	if (!ret)
		ret = check_weight(in, rule_input(in, nr_in, IN_STARTS));
	if (!ret && bias->nd >= 0)
		ret = rule_vector("sparse_linear", "bias", bias, in[IN_PLACES].n[0]);
	if (ret)
		return ret;
	out[0] = in[IN_X];
	out[0].n[out[0].nd - 1] = in[IN_PLACES].n[0];
	out[0] = layout_like(&out[0], DT_F32);
	return 0;
}

static void sparse_cost(const void *attr, const struct layout *in, const struct layout *out,
			struct cost *cost)
{
	cost->flops = 2.0 * (double)layout_rows(&in[IN_X]) * (double)layout_count(&in[IN_VALUES]);
	cost->bytes = rule_bytes(in, 3) + rule_bytes(out, 1);
}

static int64_t sparse_reduce(const void *attr, const struct layout *in, const struct layout *out)
{
	return layout_last(&in[IN_X]);
}

static double rounded(enum act_round round, enum dtype type, double x)
{
	if (round == ACT_ROUND_Q8 && type == DT_F16)
		return f16_to_f32(f32_to_f16((float)x));
	if (round == ACT_ROUND_Q8 && type == DT_BF16)
		return bf16_to_f32(f32_to_bf16((float)x));
	return x;
}

/* Row @j of the weight. */
static void dense_row(const struct oracle_call *c, int64_t j, int64_t k, double *w)
{
	const double *places = c->in[IN_PLACES] + j * sparse_row_bytes(k);
	const double *values = c->in[IN_VALUES];
	bool is_mask = c->nr_in > IN_STARTS && c->in[IN_STARTS];
	int64_t at = is_mask ? (int64_t)c->in[IN_STARTS][j] : j * k / 2;

	for (int64_t i = 0; i < k; i++) {
		int bits = (int)places[i / 8], pair = bits >> i % 8 / 4 * 4;

		w[i] = 0;
		if (is_mask ? bits >> i % 8 & 1 : (pair & 3) == i % 4 || (pair >> 2 & 3) == i % 4)
			w[i] = values[at++];
	}
}

static int sparse_oracle(const struct oracle_call *c)
{
	const struct sparse_linear_attr *a = c->attr;
	int64_t k = layout_last(&c->in_layout[IN_X]), n = c->in_layout[IN_PLACES].n[0];
	enum dtype type = c->in_layout[IN_VALUES].dtype;
	double *w = malloc(k * sizeof(*w));

	if (!w)
		return fail_nomem(k * sizeof(*w), "a row");
	for (int64_t j = 0; j < n; j++) {
		dense_row(c, j, k, w);
		for (int64_t r = 0; r < layout_rows(&c->in_layout[IN_X]); r++) {
			double sum = c->nr_in > IN_BIAS && c->in[IN_BIAS] ? c->in[IN_BIAS][j] : 0;

			for (int64_t i = 0; i < k; i++)
				sum += rounded(a->round, type, c->in[IN_X][r * k + i]) * w[i];
			c->out[0][r * n + j] = sum;
		}
	}
	free(w);
	return 0;
}

static const struct sparse_linear_attr none = { ACT_ROUND_NONE }, q8 = { ACT_ROUND_Q8 };

#define MASK(type, n, k, kept)								\
	CASE_FILL(type, FILL_NORMAL, 1, (n) * (kept) - (n) / 2),			\
	{ DT_U8, 2, { n, ((k) + 7) / 8 }, FILL_MASK, CASE_MASK(k, kept), false, 0 },	\
	{ DT_I64, 1, { n }, FILL_STARTS, kept, false, 0 }
#define PAIRS(type, n, k)								\
	CASE_FILL(type, FILL_NORMAL, 2, n, (k) / 2),					\
	CASE_FILL(DT_U8, FILL_PAIRS, 2, n, (k) / 8), { .nd = -1 }

#define CASES(name, type)								\
	{ name " mask one", &none, 4, { CASE_F32(2, 1, 1), MASK(type, 1, 1, 1) } },	\
	{ name " mask few", &none, 5,							\
	  { CASE_EXT(1, 2, 3, 37), MASK(type, 7, 37, 11), CASE_F32(1, 7) } },		\
	{ name " mask few q8", &q8, 5,							\
	  { CASE_EXT(1, 2, 3, 37), MASK(type, 7, 37, 11), CASE_F32(1, 7) } },		\
	{ name " mask long", &none, 4, { CASE_F32(2, 1, 1301), MASK(type, 33, 1301, 400) } }, \
	{ name " mask thin", &none, 4, { CASE_F32(2, 2, 640), MASK(type, 131, 640, 1) } },	\
	{ name " mask full", &none, 4, { CASE_F32(2, 8, 96), MASK(type, 67, 96, 96) } },	\
	{ name " mask many", &none, 5,							\
	  { CASE_EXT(1, 3, 5, 13, 301), MASK(type, 131, 301, 150), CASE_F32(1, 131) } },	\
	{ name " mask many q8", &q8, 4,							\
	  { CASE_EXT(1, 3, 5, 13, 301), MASK(type, 131, 301, 150) } },			\
	{ name " 2:4 one", &none, 3, { CASE_F32(2, 1, 8), PAIRS(type, 1, 8) } },	\
	{ name " 2:4 few", &none, 5,							\
	  { CASE_EXT(1, 2, 3, 88), PAIRS(type, 7, 88), CASE_F32(1, 7) } },		\
	{ name " 2:4 few q8", &q8, 4, { CASE_EXT(1, 2, 7, 88), PAIRS(type, 7, 88) } },	\
	{ name " 2:4 long", &none, 3, { CASE_F32(2, 1, 1304), PAIRS(type, 33, 1304) } },	\
	{ name " 2:4 eight", &none, 3, { CASE_F32(2, 8, 512), PAIRS(type, 67, 512) } },	\
	{ name " 2:4 many", &none, 5,							\
	  { CASE_EXT(1, 3, 5, 13, 304), PAIRS(type, 131, 304), CASE_F32(1, 131) } },

static const struct op_case sparse_cases[] = {
	CASES("f16", DT_F16)
	CASES("bf16", DT_BF16)
	CASES("f32", DT_F32)
	{ NULL },
};

/* Width 2048: a token, with more weights than a cache holds; a prompt. */
#define TIMED(name, type)								\
	{ name "-1-mask-50", &none, 4,							\
	  { CASE_F32(2, 1, 2048), MASK(type, 65536, 2048, 1024) } },			\
	{ name "-1-mask-70", &none, 4, { CASE_F32(2, 1, 2048), MASK(type, 65536, 2048, 614) } }, \
	{ name "-1-mask-90", &none, 4, { CASE_F32(2, 1, 2048), MASK(type, 65536, 2048, 205) } }, \
	{ name "-1-2:4", &none, 3, { CASE_F32(2, 1, 2048), PAIRS(type, 65536, 2048) } },	\
	{ name "-512-mask-50", &none, 4,						\
	  { CASE_F32(2, 512, 2048), MASK(type, 1024, 2048, 1024) } },			\
	{ name "-512-2:4", &none, 3, { CASE_F32(2, 512, 2048), PAIRS(type, 1024, 2048) } },

static const struct op_case sparse_timed[] = {
	TIMED("f16", DT_F16)
	TIMED("f32", DT_F32)
	{ NULL },
};

static const struct op sparse_linear = {
	.name = "sparse_linear",
	.summary = "x W^T + b, of W what is stored: mask and values, or 2:4",
	.attr_size = sizeof(struct sparse_linear_attr),
	.nr_in = NR_IN,
	.nr_out = 1,
	.optional_in = 1 << IN_STARTS | 1 << IN_BIAS,
	.infer = sparse_infer,
	.cost = sparse_cost,
	.reduce = sparse_reduce,
	.oracle = OP_TEST(sparse_oracle),
	.cases = OP_TEST(sparse_cases),
	.timed = OP_TEST(sparse_timed),
};
OP_REGISTER(sparse_linear);
