// SPDX-License-Identifier: MIT
#include "ops/rmsnorm.h"

#include <math.h>

#include "base/fail.h"
#include "ops/contiguous.h"
#include "ops/rules.h"

static const struct op rmsnorm, rmsnorm_dx, rmsnorm_dw;

struct tensor *op_rmsnorm(struct graph *g, struct tensor *x, struct tensor *w, float eps)
{
	struct rmsnorm_attr attr = { .eps = eps };
	struct tensor *in[2] = { op_contiguous_rows(g, x), w };

	return graph_op(g, &rmsnorm, &attr, in, 2);
}

struct tensor *op_rmsnorm_dx(struct graph *g, struct tensor *dy, struct tensor *x,
			     struct tensor *w, struct tensor *rstd)
{
	struct tensor *in[4] = { dy, op_contiguous_rows(g, x), w, rstd };

	return graph_op(g, &rmsnorm_dx, NULL, in, 4);
}

struct tensor *op_rmsnorm_dw(struct graph *g, struct tensor *dy, struct tensor *x,
			     struct tensor *rstd)
{
	struct tensor *in[3] = { dy, op_contiguous_rows(g, x), rstd };

	return graph_op(g, &rmsnorm_dw, NULL, in, 3);
}

static int check_rows(const char *op, const struct layout *x)
{
	int ret = rule_f32(op, "x", x);

	return ret ? ret : rule_rows(op, "x", x);
}

static int rmsnorm_infer(const void *attr, const struct layout *in, int nr_in,
			 struct layout *out)
{
	int ret = check_rows("rmsnorm", &in[0]);

	if (ret)
		return ret;
	out[0] = layout_like(&in[0], DT_F32);
	out[1] = rule_without_last(&in[0]);
	return rule_vector("rmsnorm", "w", &in[1], layout_last(&in[0]));
}

static int rmsnorm_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	struct graph *g = backward_graph(b);
	struct tensor *x = n->in[0], *w = n->in[1], *rstd = n->out[1];

	if (dout[1])
		return fail(-EOPNOTSUPP, "%s: rstd is not differentiable", n->name);
	if (backward_needs(b, x))
		backward_add(b, x, op_rmsnorm_dx(g, dout[0], x, w, rstd));
	if (backward_needs(b, w))
		backward_add(b, w, op_rmsnorm_dw(g, dout[0], x, rstd));
	return 0;
}

static void rmsnorm_cost(const void *attr, const struct layout *in, const struct layout *out,
			 struct cost *cost)
{
	cost->flops = 4.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 2);
}

static int64_t rmsnorm_reduce(const void *attr, const struct layout *in,
			      const struct layout *out)
{
	return layout_last(&in[0]);
}

static int rmsnorm_oracle(const struct oracle_call *c)
{
	const struct rmsnorm_attr *a = c->attr;
	int64_t n = layout_last(&c->in_layout[0]);

	for (int64_t r = 0; r < layout_rows(&c->in_layout[0]); r++) {
		const double *x = c->in[0] + r * n;
		double square = 0;

		for (int64_t i = 0; i < n; i++)
			square += x[i] * x[i];
		c->out[1][r] = 1 / sqrt(square / n + a->eps);
		for (int64_t i = 0; i < n; i++)
			c->out[0][r * n + i] = x[i] * c->out[1][r] * c->in[1][i];
	}
	return 0;
}

static const struct rmsnorm_attr usual = { 1e-6f }, large = { 0.5f };

static const struct op_case rmsnorm_cases[] = {
	{ "one", &usual, 2, { CASE_DIFF(1, 1), CASE_DIFF(1, 1) } },
	{ "vector", &usual, 2, { CASE_DIFF(1, 9), CASE_DIFF(1, 9) } },
	{ "odd", &usual, 2, { CASE_DIFF_EXT(3, 3, 3, 5, 7), CASE_DIFF(1, 7) } },
	{ "large eps", &large, 2, { CASE_DIFF_EXT(1, 2, 5, 33), CASE_DIFF(1, 33) } },
	{ "heads", &usual, 2, { CASE_DIFF_EXT(3, 4, 2, 3, 2, 16), CASE_DIFF(1, 16) } },
	{ "tiles", &usual, 2, { CASE_EXT(1, 2, 131, 384), CASE_F32(1, 384) } },
	{ "long rows", &usual, 2, { CASE_EXT(1, 2, 3, 20011), CASE_F32(1, 20011) } },
	{ NULL },
};

static const struct op_case rmsnorm_timed[] = {
	{ "6x384", &usual, 2, { CASE_F32(2, 4096, 384), CASE_F32(1, 384) } },
	{ "124M", &usual, 2, { CASE_F32(2, 1024, 768), CASE_F32(1, 768) } },
	{ "large", &usual, 2, { CASE_F32(2, 65536, 384), CASE_F32(1, 384) } },
	{ NULL },
};

static const struct op rmsnorm = {
	.name = "rmsnorm",
	.summary = "root mean square normalisation over the last dimension",
	.attr_size = sizeof(struct rmsnorm_attr),
	.nr_in = 2,
	.nr_out = 2,
	.strided_in = 1,
	.inplace = { 1 },
	.infer = rmsnorm_infer,
	.grad = rmsnorm_backward,
	.cost = rmsnorm_cost,
	.reduce = rmsnorm_reduce,
	.oracle = OP_TEST(rmsnorm_oracle),
	.cases = OP_TEST(rmsnorm_cases),
	.timed = OP_TEST(rmsnorm_timed),
};
OP_REGISTER(rmsnorm);

/* ---- gradient of x ----------------------------------------------------------- */

static int rmsnorm_dx_infer(const void *attr, const struct layout *in, int nr_in,
			    struct layout *out)
{
	int ret = check_rows("rmsnorm_dx", &in[1]);

	if (!ret)
		ret = rule_like("rmsnorm_dx", "dy", &in[0], "x", &in[1]);
	if (!ret)
		ret = rule_vector("rmsnorm_dx", "w", &in[2], layout_last(&in[1]));
	if (!ret)
		ret = rule_leading("rmsnorm_dx", "rstd", &in[3], "rows of x", &in[1]);
	out[0] = layout_like(&in[1], DT_F32);
	return ret;
}

static void rmsnorm_dx_cost(const void *attr, const struct layout *in,
			    const struct layout *out, struct cost *cost)
{
	cost->flops = 8.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 4) + rule_bytes(out, 1);
}

static int64_t rmsnorm_dx_reduce(const void *attr, const struct layout *in,
				 const struct layout *out)
{
	return layout_last(&in[0]);
}

static int rmsnorm_dx_oracle(const struct oracle_call *c)
{
	int64_t n = layout_last(&c->in_layout[1]);
	const double *w = c->in[2];

	for (int64_t r = 0; r < layout_rows(&c->in_layout[1]); r++) {
		const double *dy = c->in[0] + r * n, *x = c->in[1] + r * n;
		double rstd = c->in[3][r], dot = 0;

		for (int64_t i = 0; i < n; i++)
			dot += dy[i] * w[i] * x[i] * rstd;
		for (int64_t i = 0; i < n; i++)
			c->out[0][r * n + i] = rstd * (dy[i] * w[i] - x[i] * rstd * dot / n);
	}
	return 0;
}

#define POSITIVE(...) CASE_FILL(DT_F32, FILL_POSITIVE, __VA_ARGS__)

static const struct op_case rmsnorm_dx_cases[] = {
	{ "one", NULL, 4, { CASE_F32(1, 1), CASE_F32(1, 1), CASE_F32(1, 1), POSITIVE(0) } },
	{ "odd", NULL, 4,
	  { CASE_EXT(3, 3, 3, 5, 7), CASE_EXT(3, 3, 3, 5, 7), CASE_F32(1, 7),
	    CASE_EXT(3, 2, 3, 5) } },
	{ "tiles", NULL, 4,
	  { CASE_F32(2, 131, 384), CASE_F32(2, 131, 384), CASE_F32(1, 384), POSITIVE(1, 131) } },
	{ "long rows", NULL, 4,
	  { CASE_F32(2, 3, 20011), CASE_F32(2, 3, 20011), CASE_F32(1, 20011), POSITIVE(1, 3) } },
	{ NULL },
};

static const struct op_case rmsnorm_dx_timed[] = {
	{ "6x384", NULL, 4,
	  { CASE_F32(2, 4096, 384), CASE_F32(2, 4096, 384), CASE_F32(1, 384),
	    POSITIVE(1, 4096) } },
	{ "124M", NULL, 4,
	  { CASE_F32(2, 1024, 768), CASE_F32(2, 1024, 768), CASE_F32(1, 768),
	    POSITIVE(1, 1024) } },
	{ "large", NULL, 4,
	  { CASE_F32(2, 65536, 384), CASE_F32(2, 65536, 384), CASE_F32(1, 384),
	    POSITIVE(1, 65536) } },
	{ NULL },
};

static const struct op rmsnorm_dx = {
	.name = "rmsnorm_dx",
	.summary = "gradient of rmsnorm's input",
	.nr_in = 4,
	.nr_out = 1,
	.strided_in = 2,
	.inplace = { 1 },
	.infer = rmsnorm_dx_infer,
	.cost = rmsnorm_dx_cost,
	.reduce = rmsnorm_dx_reduce,
	.oracle = OP_TEST(rmsnorm_dx_oracle),
	.cases = OP_TEST(rmsnorm_dx_cases),
	.timed = OP_TEST(rmsnorm_dx_timed),
};
OP_REGISTER(rmsnorm_dx);

/* ---- gradient of w ----------------------------------------------------------- */

static int rmsnorm_dw_infer(const void *attr, const struct layout *in, int nr_in,
			    struct layout *out)
{
	int ret = check_rows("rmsnorm_dw", &in[1]);

	if (!ret)
		ret = rule_like("rmsnorm_dw", "dy", &in[0], "x", &in[1]);
	if (!ret)
		ret = rule_leading("rmsnorm_dw", "rstd", &in[2], "rows of x", &in[1]);
	if (ret)
		return ret;
	out[0] = layout_make(DT_F32, 1, &in[1].n[in[1].nd - 1]);
	return 0;
}

static void rmsnorm_dw_cost(const void *attr, const struct layout *in,
			    const struct layout *out, struct cost *cost)
{
	cost->flops = 3.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 3) + rule_bytes(out, 1);
}

static int64_t rmsnorm_dw_reduce(const void *attr, const struct layout *in,
				 const struct layout *out)
{
	return layout_rows(&in[0]);
}

static int rmsnorm_dw_oracle(const struct oracle_call *c)
{
	int64_t n = layout_last(&c->in_layout[1]), rows = layout_rows(&c->in_layout[1]);

	for (int64_t i = 0; i < n; i++) {
		c->out[0][i] = 0;
		for (int64_t r = 0; r < rows; r++)
			c->out[0][i] += c->in[0][r * n + i] * c->in[1][r * n + i] * c->in[2][r];
	}
	return 0;
}

static const struct op_case rmsnorm_dw_cases[] = {
	{ "one", NULL, 3, { CASE_F32(1, 1), CASE_F32(1, 1), POSITIVE(0) } },
	{ "odd", NULL, 3,
	  { CASE_EXT(3, 3, 3, 5, 7), CASE_EXT(3, 3, 3, 5, 7), CASE_EXT(3, 2, 3, 5) } },
	{ "tiles", NULL, 3,
	  { CASE_EXT(1, 2, 700, 131), CASE_EXT(1, 2, 700, 131), CASE_EXT(1, 1, 700) } },
	{ "many rows", NULL, 3,
	  { CASE_F32(2, 17000, 3), CASE_F32(2, 17000, 3), POSITIVE(1, 17000) } },
	{ "long rows", NULL, 3,
	  { CASE_F32(2, 3, 20011), CASE_F32(2, 3, 20011), POSITIVE(1, 3) } },
	{ NULL },
};

static const struct op_case rmsnorm_dw_timed[] = {
	{ "6x384", NULL, 3,
	  { CASE_F32(2, 4096, 384), CASE_F32(2, 4096, 384), POSITIVE(1, 4096) } },
	{ "124M", NULL, 3,
	  { CASE_F32(2, 1024, 768), CASE_F32(2, 1024, 768), POSITIVE(1, 1024) } },
	{ "large", NULL, 3,
	  { CASE_F32(2, 65536, 384), CASE_F32(2, 65536, 384), POSITIVE(1, 65536) } },
	{ NULL },
};

static const struct op rmsnorm_dw = {
	.name = "rmsnorm_dw",
	.summary = "gradient of rmsnorm's gain",
	.nr_in = 3,
	.nr_out = 1,
	.strided_in = 2,
	.infer = rmsnorm_dw_infer,
	.cost = rmsnorm_dw_cost,
	.reduce = rmsnorm_dw_reduce,
	.oracle = OP_TEST(rmsnorm_dw_oracle),
	.cases = OP_TEST(rmsnorm_dw_cases),
	.timed = OP_TEST(rmsnorm_dw_timed),
};
OP_REGISTER(rmsnorm_dw);
