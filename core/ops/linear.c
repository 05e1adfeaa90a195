// SPDX-License-Identifier: MIT
#include "ops/linear.h"

#include <math.h>

#include "base/fail.h"
#include "ops/add.h"
#include "ops/gelu.h"
#include "ops/relu2.h"
#include "ops/rules.h"
#include "ops/silu.h"

static const struct op linear, linear_act, linear_dx, linear_dx_act, linear_dw, bias_grad;

struct tensor *op_linear(struct graph *g, struct tensor *x, struct tensor *w,
			 struct tensor *bias)
{
	struct tensor *in[3] = { x, w, bias };

	return graph_op(g, &linear, NULL, in, 3);
}

struct tensor *op_linear_dx(struct graph *g, struct tensor *dy, struct tensor *w)
{
	struct tensor *in[2] = { dy, w };

	return graph_op(g, &linear_dx, NULL, in, 2);
}

struct tensor *op_linear_act(struct graph *g, struct tensor *x, struct tensor *w,
			     struct tensor *bias, enum activation act)
{
	struct linear_act_attr attr = { .act = act };
	struct tensor *in[3] = { x, w, bias };

	return graph_op(g, &linear_act, &attr, in, 3);
}

struct tensor *op_linear_dx_act(struct graph *g, struct tensor *dy, struct tensor *w,
				struct tensor *before, enum activation act)
{
	struct linear_act_attr attr = { .act = act };
	struct tensor *in[3] = { dy, w, before };

	return graph_op(g, &linear_dx_act, &attr, in, 3);
}

struct tensor *op_linear_dw(struct graph *g, struct tensor *x, struct tensor *dy,
			    struct tensor *prev, struct tensor *flag, bool always_add)
{
	struct accumulate_attr attr = { .always_add = always_add };
	struct tensor *in[4] = { x, dy, prev, flag };

	return graph_op(g, &linear_dw, &attr, in, 4);
}

struct tensor *op_bias_grad(struct graph *g, struct tensor *dy)
{
	return graph_op(g, &bias_grad, NULL, &dy, 1);
}

/* ---- y = x W^T + b ------------------------------------------------------------- */

/* @w must be (N, K) with a side @dim as long as the rows of @x. */
static int check_weight(const char *op, const char *what, const struct layout *x,
			const struct layout *w, int dim)
{
	char text[SHAPE_TEXT], weight[SHAPE_TEXT];
	int ret = rule_real(op, what, x);

	if (!ret)
		ret = rule_real(op, "w", w);
	if (!ret)
		ret = rule_rows(op, what, x);
	if (!ret && (w->nd != 2 || w->n[dim] != layout_last(x)))
		ret = fail(-EINVAL, "%s: %s is %s and w %s: must be (..., %c) and (N, K)", op, what,
			   layout_text(x, text), layout_text(w, weight), dim ? 'K' : 'N');
	return ret;
}

/* The rows of @x, each @n long. */
static struct layout rows_of(const struct layout *x, int64_t n)
{
	struct layout l = *x;

	l.n[l.nd - 1] = n;
	return layout_like(&l, x->dtype);
}

static int infer_forward(const char *op, const struct layout *in, int nr_in, struct layout *out)
{
	const struct layout *bias = rule_input(in, nr_in, 2);
	int ret = check_weight(op, "x", &in[0], &in[1], 1);

	if (!ret && bias->nd >= 0)
		ret = rule_vector(op, "bias", bias, in[1].n[0]);
	if (!ret)
		out[0] = rows_of(&in[0], in[1].n[0]);
	return ret;
}

static int linear_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	return infer_forward("linear", in, nr_in, out);
}

/* To the gradient of @x; past the activation that made it, if it was fused into a layer. */
static void backward_input(struct backward *b, struct tensor *x, struct tensor *w,
			   struct tensor *dy)
{
	struct node *from = x->producer;
	const struct linear_act_attr *a;

	if (!backward_needs(b, x))
		return;
	if (!from || from->op != &linear_act || x != from->out[0] || x->wants_grad) {
		backward_add(b, x, op_linear_dx(backward_graph(b), dy, w));
		return;
	}
	a = from->attr;
	backward_add(b, from->out[1],
		     op_linear_dx_act(backward_graph(b), dy, w, from->out[1], a->act));
}

/* @dy: the gradient of x W^T + b */
static void backward_sum(struct backward *b, struct node *n, struct tensor *dy)
{
	struct tensor *x = n->in[0], *w = n->in[1], *bias = n->in[2];

	backward_input(b, x, w, dy);
	backward_linear(b, w, x, dy);
	if (backward_needs(b, bias))
		backward_add(b, bias, op_bias_grad(backward_graph(b), dy));
}

static int linear_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	backward_sum(b, n, dout[0]);
	return 0;
}

void backward_linear(struct backward *b, struct tensor *w, struct tensor *x, struct tensor *dy)
{
	struct tensor *prev, *flag, *dw;
	bool always_add;

	if (!backward_needs(b, w))
		return;
	if (backward_tap(b, w, x, dy) == TAP_REPLACE) {
		backward_record(b, w, x, dy, NULL);
		return;
	}
	always_add = backward_slot(b, w, &prev, &flag);
	dw = op_linear_dw(backward_graph(b), x, dy, prev, flag, prev && always_add);
	if (!dw)
		return;
	backward_record(b, w, x, dy, dw->producer);
	if (prev)
		backward_slot_done(b, w, dw);
	else
		backward_add(b, w, dw);
}

/* 2 rows N K for each of the three products of a layer. */
static void linear_cost(const void *attr, const struct layout *in, const struct layout *out,
			struct cost *cost)
{
	cost->flops = 2.0 * layout_rows(&in[0]) * layout_count(&in[1]);
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 1);
}

static int64_t linear_reduce(const void *attr, const struct layout *in, const struct layout *out)
{
	return layout_last(&in[0]);
}

static int linear_oracle(const struct oracle_call *c)
{
	int64_t rows = layout_rows(&c->in_layout[0]);
	int64_t n = c->in_layout[1].n[0], k = c->in_layout[1].n[1];

	for (int64_t r = 0; r < rows; r++)
		for (int64_t o = 0; o < n; o++) {
			double y = c->in[2] ? c->in[2][o] : 0;

			for (int64_t i = 0; i < k; i++)
				y += c->in[0][r * k + i] * c->in[1][o * k + i];
			c->out[0][r * n + o] = y;
		}
	return 0;
}

static const struct op_case linear_cases[] = {
	{ "one", NULL, 3, { CASE_DIFF(1, 1), CASE_DIFF(2, 1, 1), CASE_DIFF(1, 1) } },
	{ "vector", NULL, 3, { CASE_DIFF(1, 7), CASE_DIFF(2, 5, 7), CASE_ABSENT } },
	{ "odd", NULL, 3, { CASE_DIFF_EXT(3, 3, 3, 5, 7), CASE_DIFF(2, 11, 7), CASE_DIFF(1, 11) } },
	{ "no bias", NULL, 3, { CASE_DIFF_EXT(1, 2, 13, 9), CASE_DIFF(2, 35, 9), CASE_ABSENT } },
	{ "one row", NULL, 3, { CASE_F32(2, 1, 771), CASE_F32(2, 613, 771), CASE_F32(1, 613) } },
	{ "four rows", NULL, 3, { CASE_EXT(1, 2, 4, 259), CASE_F32(2, 37, 259), CASE_ABSENT } },
	{ "long k", NULL, 3, { CASE_EXT(1, 2, 9, 4099), CASE_F32(2, 17, 4099), CASE_F32(1, 17) } },
	{ "tiles", NULL, 3, { CASE_EXT(1, 2, 205, 29), CASE_F32(2, 523, 29), CASE_F32(1, 523) } },
	{ NULL },
};

/* A feed-forward layer of a GPT-2 of 6 x 384 and of 124M; in all ops of this file. */
static const struct op_case linear_timed[] = {
	{ "fc-6x384", NULL, 3,
	  { CASE_F32(2, 4096, 384), CASE_F32(2, 1536, 384), CASE_F32(1, 1536) } },
	{ "fc-124M", NULL, 3,
	  { CASE_F32(2, 1024, 768), CASE_F32(2, 3072, 768), CASE_F32(1, 3072) } },
	{ NULL },
};

static const struct op linear = {
	.name = "linear",
	.summary = "y = x W^T + b",
	.nr_in = 3,
	.nr_out = 1,
	.optional_in = 1 << 2,
	.compute_in = 3,
	.infer = linear_infer,
	.grad = linear_backward,
	.cost = linear_cost,
	.reduce = linear_reduce,
	.oracle = OP_TEST(linear_oracle),
	.cases = OP_TEST(linear_cases),
	.timed = OP_TEST(linear_timed),
};
OP_REGISTER(linear);

/* ---- y = act(x W^T + b) ----------------------------------------------------------- */

static int check_activation(const char *op, enum activation act)
{
	if (act < ACT_GELU || act > ACT_RELU2)
		return fail(-EINVAL, "%s: activation %d: must be one of a single argument", op,
			    act);
	return 0;
}

static int linear_act_infer(const void *attr, const struct layout *in, int nr_in,
			    struct layout *out)
{
	const struct linear_act_attr *a = attr;
	int ret = check_activation("linear_act", a->act);

	if (!ret)
		ret = infer_forward("linear_act", in, nr_in, out);
	out[1] = out[0];
	return ret;
}

/* dy act'(before), where no linear layer could fuse it. */
static struct tensor *slope(struct graph *g, enum activation act, struct tensor *dy,
			    struct tensor *before)
{
	switch (act) {
	case ACT_SILU:
		return op_silu_grad(g, dy, before);
	case ACT_RELU2:
		return op_relu2_grad(g, dy, before);
	default:
		return op_gelu_grad(g, dy, before, act == ACT_GELU_EXACT);
	}
}

static int linear_act_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	const struct linear_act_attr *a = n->attr;
	struct graph *g = backward_graph(b);
	struct tensor *dy = dout[1];

	if (dout[0]) {
		dy = slope(g, a->act, dout[0], n->out[1]);
		dy = dout[1] && dy ? op_add(g, dy, dout[1]) : dy;
	}
	if (dy)
		backward_sum(b, n, dy);
	return 0;
}

static double oracle_act(enum activation act, double x)
{
	switch (act) {
	case ACT_GELU:
		return 0.5 * x * (1 + tanh(0.79788456080286535588 *
					   (x + 0.044715 * x * x * x)));
	case ACT_GELU_EXACT:
		return 0.5 * x * erfc(-x * M_SQRT1_2);
	case ACT_SILU:
		return x / (1 + exp(-x));
	default:
		return x > 0 ? x * x : 0;
	}
}

static int linear_act_oracle(const struct oracle_call *c)
{
	const struct linear_act_attr *a = c->attr;
	struct oracle_call sum = *c;

	sum.out[0] = c->out[1];
	linear_oracle(&sum);
	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++)
		c->out[0][i] = oracle_act(a->act, c->out[1][i]);
	return 0;
}

static const struct linear_act_attr by_gelu = { ACT_GELU }, by_erf = { ACT_GELU_EXACT },
				    by_silu = { ACT_SILU }, by_relu2 = { ACT_RELU2 };

static const struct op_case linear_act_cases[] = {
	{ "one", &by_gelu, 3, { CASE_DIFF(1, 1), CASE_DIFF(2, 1, 1), CASE_DIFF(1, 1) } },
	{ "gelu", &by_gelu, 3,
	  { CASE_DIFF_EXT(3, 3, 3, 5, 7), CASE_DIFF(2, 11, 7), CASE_DIFF(1, 11) } },
	{ "exact gelu", &by_erf, 3,
	  { CASE_DIFF_EXT(1, 2, 13, 9), CASE_DIFF(2, 35, 9), CASE_ABSENT } },
	{ "silu", &by_silu, 3,
	  { CASE_DIFF_EXT(1, 2, 13, 9), CASE_DIFF(2, 35, 9), CASE_ABSENT } },
	{ "relu2", &by_relu2, 3,
	  { CASE_DIFF_EXT(1, 2, 13, 9), CASE_DIFF(2, 35, 9), CASE_DIFF(1, 35) } },
	{ "few rows", &by_silu, 3,
	  { CASE_EXT(1, 2, 4, 259), CASE_F32(2, 37, 259), CASE_ABSENT } },
	{ "long k", &by_gelu, 3,
	  { CASE_EXT(1, 2, 9, 4099), CASE_F32(2, 17, 4099), CASE_F32(1, 17) } },
	{ "tiles", &by_gelu, 3,
	  { CASE_EXT(1, 2, 205, 29), CASE_F32(2, 523, 29), CASE_F32(1, 523) } },
	{ NULL },
};

static const struct op_case linear_act_timed[] = {
	{ "fc-6x384", &by_gelu, 3,
	  { CASE_F32(2, 4096, 384), CASE_F32(2, 1536, 384), CASE_F32(1, 1536) } },
	{ NULL },
};

static const struct op linear_act = {
	.name = "linear_act",
	.summary = "y = act(x W^T + b), and what the activation is applied to",
	.attr_size = sizeof(struct linear_act_attr),
	.nr_in = 3,
	.nr_out = 2,
	.optional_in = 1 << 2,
	.compute_in = 3,
	.infer = linear_act_infer,
	.grad = linear_act_backward,
	.cost = linear_cost,
	.reduce = linear_reduce,
	.oracle = OP_TEST(linear_act_oracle),
	.cases = OP_TEST(linear_act_cases),
	.timed = OP_TEST(linear_act_timed),
};
OP_REGISTER(linear_act);

/* ---- dx = dy W ------------------------------------------------------------------- */

static int linear_dx_infer(const void *attr, const struct layout *in, int nr_in,
			   struct layout *out)
{
	int ret = check_weight("linear_dx", "dy", &in[0], &in[1], 0);

	if (!ret)
		out[0] = rows_of(&in[0], in[1].n[1]);
	return ret;
}

static int linear_dx_oracle(const struct oracle_call *c)
{
	int64_t rows = layout_rows(&c->in_layout[0]);
	int64_t n = c->in_layout[1].n[0], k = c->in_layout[1].n[1];

	for (int64_t r = 0; r < rows; r++)
		for (int64_t i = 0; i < k; i++) {
			double dx = 0;

			for (int64_t o = 0; o < n; o++)
				dx += c->in[0][r * n + o] * c->in[1][o * k + i];
			c->out[0][r * k + i] = dx;
		}
	return 0;
}

static const struct op_case linear_dx_cases[] = {
	{ "one", NULL, 2, { CASE_F32(1, 1), CASE_F32(2, 1, 1) } },
	{ "odd", NULL, 2, { CASE_EXT(3, 3, 3, 5, 7), CASE_F32(2, 7, 11) } },
	{ "one row", NULL, 2, { CASE_F32(2, 1, 771), CASE_F32(2, 771, 613) } },
	{ "long n", NULL, 2, { CASE_EXT(1, 2, 9, 4099), CASE_F32(2, 4099, 17) } },
	{ "tiles", NULL, 2, { CASE_EXT(1, 2, 205, 29), CASE_F32(2, 29, 523) } },
	{ NULL },
};

static const struct op_case linear_dx_timed[] = {
	{ "fc-6x384", NULL, 2, { CASE_F32(2, 4096, 1536), CASE_F32(2, 1536, 384) } },
	{ "fc-124M", NULL, 2, { CASE_F32(2, 1024, 3072), CASE_F32(2, 3072, 768) } },
	{ NULL },
};

static const struct op linear_dx = {
	.name = "linear_dx",
	.summary = "gradient of linear's input: dy W",
	.nr_in = 2,
	.nr_out = 1,
	.compute_in = 3,
	.infer = linear_dx_infer,
	.cost = linear_cost,
	.reduce = linear_reduce,
	.oracle = OP_TEST(linear_dx_oracle),
	.cases = OP_TEST(linear_dx_cases),
	.timed = OP_TEST(linear_dx_timed),
};
OP_REGISTER(linear_dx);

/* ---- (dy W) act'(before) ------------------------------------------------------------ */

static int linear_dx_act_infer(const void *attr, const struct layout *in, int nr_in,
			       struct layout *out)
{
	const struct linear_act_attr *a = attr;
	int ret = check_activation("linear_dx_act", a->act);

	if (!ret)
		ret = check_weight("linear_dx_act", "dy", &in[0], &in[1], 0);
	if (ret)
		return ret;
	out[0] = rows_of(&in[0], in[1].n[1]);
	return rule_twin("linear_dx_act", "before", &in[2], "the gradient", &out[0]);
}

static double oracle_slope(enum activation act, double x)
{
	double u = 0.79788456080286535588, s = 1 / (1 + exp(-x)), t;

	switch (act) {
	case ACT_GELU:
		t = tanh(u * (x + 0.044715 * x * x * x));
		return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * u * (1 + 3 * 0.044715 * x * x);
	case ACT_GELU_EXACT:
		return 0.5 * erfc(-x * M_SQRT1_2) +
		       x * exp(-x * x / 2) * 0.39894228040143267794;
	case ACT_SILU:
		return s + x * s * (1 - s);
	default:
		return x > 0 ? 2 * x : 0;
	}
}

static int linear_dx_act_oracle(const struct oracle_call *c)
{
	const struct linear_act_attr *a = c->attr;

	linear_dx_oracle(c);
	for (int64_t i = 0; i < layout_count(&c->out_layout[0]); i++)
		c->out[0][i] *= oracle_slope(a->act, c->in[2][i]);
	return 0;
}

static const struct op_case linear_dx_act_cases[] = {
	{ "one", &by_gelu, 3, { CASE_F32(1, 1), CASE_F32(2, 1, 1), CASE_F32(1, 1) } },
	{ "gelu", &by_gelu, 3,
	  { CASE_EXT(3, 3, 3, 5, 7), CASE_F32(2, 7, 11), CASE_EXT(3, 3, 3, 5, 11) } },
	{ "exact gelu", &by_erf, 3,
	  { CASE_EXT(1, 2, 13, 9), CASE_F32(2, 9, 35), CASE_EXT(1, 2, 13, 35) } },
	{ "silu", &by_silu, 3,
	  { CASE_EXT(1, 2, 13, 9), CASE_F32(2, 9, 35), CASE_EXT(1, 2, 13, 35) } },
	{ "relu2", &by_relu2, 3,
	  { CASE_EXT(1, 2, 13, 9), CASE_F32(2, 9, 35), CASE_EXT(1, 2, 13, 35) } },
	{ "long n", &by_gelu, 3,
	  { CASE_EXT(1, 2, 9, 4099), CASE_F32(2, 4099, 17), CASE_EXT(1, 2, 9, 17) } },
	{ "tiles", &by_gelu, 3,
	  { CASE_EXT(1, 2, 205, 29), CASE_F32(2, 29, 523), CASE_EXT(1, 2, 205, 523) } },
	{ NULL },
};

static const struct op_case linear_dx_act_timed[] = {
	{ "fc2-6x384", &by_gelu, 3,
	  { CASE_F32(2, 4096, 384), CASE_F32(2, 384, 1536), CASE_F32(2, 4096, 1536) } },
	{ NULL },
};

static const struct op linear_dx_act = {
	.name = "linear_dx_act",
	.summary = "gradient before an activation: (dy W) act'(before)",
	.attr_size = sizeof(struct linear_act_attr),
	.nr_in = 3,
	.nr_out = 1,
	.compute_in = 7,
	.infer = linear_dx_act_infer,
	.cost = linear_cost,
	.reduce = linear_reduce,
	.oracle = OP_TEST(linear_dx_act_oracle),
	.cases = OP_TEST(linear_dx_act_cases),
	.timed = OP_TEST(linear_dx_act_timed),
};
OP_REGISTER(linear_dx_act);

/* ---- dW = dy^T x -------------------------------------------------------------------- */

static int linear_dw_infer(const void *attr, const struct layout *in, int nr_in,
			   struct layout *out)
{
	const struct accumulate_attr *a = attr;
	char text[SHAPE_TEXT], dy[SHAPE_TEXT];
	int ret = rule_real("linear_dw", "x", &in[0]);
	struct layout rows;

	if (!ret)
		ret = rule_real("linear_dw", "dy", &in[1]);
	if (!ret)
		ret = rule_rows("linear_dw", "x", &in[0]);
	if (!ret)
		ret = rule_rows("linear_dw", "dy", &in[1]);
	if (ret)
		return ret;
	rows = rows_of(&in[0], layout_last(&in[1]));
	if (!layout_same_shape(&rows, &in[1]))
		return fail(-EINVAL, "linear_dw: x is %s and dy %s: must have the same rows",
			    layout_text(&in[0], text), layout_text(&in[1], dy));
	out[0] = layout_make(DT_F32, 2, (int64_t[]){ layout_last(&in[1]), layout_last(&in[0]) });
	return accumulate_rule("linear_dw", rule_input(in, nr_in, 2), rule_input(in, nr_in, 3),
			       a->always_add, &out[0]);
}

static void linear_dw_cost(const void *attr, const struct layout *in, const struct layout *out,
			   struct cost *cost)
{
	cost->flops = 2.0 * layout_rows(&in[0]) * layout_count(&out[0]);
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 1);
}

static int64_t linear_dw_reduce(const void *attr, const struct layout *in,
				const struct layout *out)
{
	return layout_rows(&in[0]);
}

static int linear_dw_oracle(const struct oracle_call *c)
{
	const struct accumulate_attr *a = c->attr;
	int64_t rows = layout_rows(&c->in_layout[0]);
	int64_t n = layout_last(&c->in_layout[1]), k = layout_last(&c->in_layout[0]);

	for (int64_t o = 0; o < n; o++)
		for (int64_t i = 0; i < k; i++) {
			double dw = accumulate_base(c->in[2], c->in[3], a->always_add, o * k + i);

			for (int64_t r = 0; r < rows; r++)
				dw += c->in[1][r * n + o] * c->in[0][r * k + i];
			c->out[0][o * k + i] = dw;
		}
	return 0;
}

static const struct accumulate_attr by_flag = { .always_add = false },
				    always = { .always_add = true };

#define FLAG(how) CASE_FILL(DT_I32, how, 0)
static const struct op_case linear_dw_cases[] = {
	{ "one", &by_flag, 4, { CASE_F32(1, 1), CASE_F32(1, 1), CASE_ABSENT, CASE_ABSENT } },
	{ "odd", &by_flag, 4,
	  { CASE_EXT(3, 3, 3, 5, 7), CASE_EXT(3, 3, 3, 5, 11), CASE_ABSENT, CASE_ABSENT } },
	{ "add", &by_flag, 4,
	  { CASE_EXT(1, 2, 15, 7), CASE_EXT(1, 2, 15, 11), CASE_F32(2, 11, 7), FLAG(FILL_ONE) } },
	{ "overwrite", &by_flag, 4,
	  { CASE_F32(2, 15, 7), CASE_F32(2, 15, 11), CASE_F32(2, 11, 7), FLAG(FILL_ZERO) } },
	{ "no flag", &by_flag, 4,
	  { CASE_F32(2, 15, 7), CASE_F32(2, 15, 11), CASE_F32(2, 11, 7), CASE_ABSENT } },
	{ "always", &always, 4,
	  { CASE_F32(2, 15, 7), CASE_F32(2, 15, 11), CASE_F32(2, 11, 7), FLAG(FILL_ZERO) } },
	{ "many rows", &by_flag, 4,
	  { CASE_EXT(1, 2, 4099, 17), CASE_EXT(1, 2, 4099, 19), CASE_F32(2, 19, 17),
	    FLAG(FILL_ONE) } },
	{ "tiles", &by_flag, 4,
	  { CASE_EXT(1, 2, 29, 523), CASE_EXT(1, 2, 29, 101), CASE_F32(2, 101, 523),
	    FLAG(FILL_ONE) } },
	{ NULL },
};

static const struct op_case linear_dw_timed[] = {
	{ "fc-6x384", &by_flag, 4,
	  { CASE_F32(2, 4096, 384), CASE_F32(2, 4096, 1536), CASE_ABSENT, CASE_ABSENT } },
	{ "fc-124M", &by_flag, 4,
	  { CASE_F32(2, 1024, 768), CASE_F32(2, 1024, 3072), CASE_ABSENT, CASE_ABSENT } },
	{ NULL },
};

static const struct op linear_dw = {
	.name = "linear_dw",
	.summary = "gradient of linear's weight: dy^T x, accumulated in place",
	.attr_size = sizeof(struct accumulate_attr),
	.nr_in = 4,
	.nr_out = 1,
	.optional_in = 1 << 2 | 1 << 3,
	.updates = { 3 },
	.compute_in = 3,
	.infer = linear_dw_infer,
	.cost = linear_dw_cost,
	.reduce = linear_dw_reduce,
	.oracle = OP_TEST(linear_dw_oracle),
	.cases = OP_TEST(linear_dw_cases),
	.timed = OP_TEST(linear_dw_timed),
};
OP_REGISTER(linear_dw);

/* ---- db = sum of dy --------------------------------------------------------------- */

static int bias_grad_infer(const void *attr, const struct layout *in, int nr_in,
			   struct layout *out)
{
	int ret = rule_real("bias_grad", "dy", &in[0]);

	if (!ret)
		ret = rule_rows("bias_grad", "dy", &in[0]);
	if (!ret)
		out[0] = layout_make(DT_F32, 1, &in[0].n[in[0].nd - 1]);
	return ret;
}

static void bias_grad_cost(const void *attr, const struct layout *in, const struct layout *out,
			   struct cost *cost)
{
	cost->flops = layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 1) + rule_bytes(out, 1);
}

static int64_t bias_grad_reduce(const void *attr, const struct layout *in,
				const struct layout *out)
{
	return layout_rows(&in[0]);
}

static int bias_grad_oracle(const struct oracle_call *c)
{
	int64_t n = layout_last(&c->in_layout[0]);

	for (int64_t o = 0; o < n; o++) {
		c->out[0][o] = 0;
		for (int64_t r = 0; r < layout_rows(&c->in_layout[0]); r++)
			c->out[0][o] += c->in[0][r * n + o];
	}
	return 0;
}

static const struct op_case bias_grad_cases[] = {
	{ "one", NULL, 1, { CASE_F32(1, 1) } },
	{ "odd", NULL, 1, { CASE_EXT(3, 3, 3, 5, 7) } },
	{ "many rows", NULL, 1, { CASE_EXT(1, 2, 4099, 17) } },
	{ "wide", NULL, 1, { CASE_EXT(1, 2, 37, 1031) } },
	{ NULL },
};

static const struct op_case bias_grad_timed[] = {
	{ "fc-6x384", NULL, 1, { CASE_F32(2, 4096, 1536) } },
	{ NULL },
};

static const struct op bias_grad = {
	.name = "bias_grad",
	.summary = "gradient of linear's bias: dy summed over rows",
	.nr_in = 1,
	.nr_out = 1,
	.compute_in = 1,
	.infer = bias_grad_infer,
	.cost = bias_grad_cost,
	.reduce = bias_grad_reduce,
	.oracle = OP_TEST(bias_grad_oracle),
	.cases = OP_TEST(bias_grad_cases),
	.timed = OP_TEST(bias_grad_timed),
};
OP_REGISTER(bias_grad);
