// SPDX-License-Identifier: MIT
#include "ops/layernorm.h"

#include <math.h>

#include "base/fail.h"
#include "ops/contiguous.h"
#include "ops/rules.h"

static const struct op layernorm, layernorm_dx, layernorm_dw;

struct tensor *op_layernorm(struct graph *g, struct tensor *x, struct tensor *w,
			    struct tensor *b, float eps)
{
	struct layernorm_attr attr = { .eps = eps };
	struct tensor *in[3] = { op_contiguous_rows(g, x), w, b };

	return graph_op(g, &layernorm, &attr, in, 3);
}

struct tensor *op_layernorm_dx(struct graph *g, struct tensor *dy, struct tensor *x,
			       struct tensor *w, struct tensor *mean, struct tensor *rstd)
{
	struct tensor *in[5] = { dy, op_contiguous_rows(g, x), w, mean, rstd };

	return graph_op(g, &layernorm_dx, NULL, in, 5);
}

struct tensor *op_layernorm_dw(struct graph *g, struct tensor *dy, struct tensor *x,
			       struct tensor *mean, struct tensor *rstd, struct tensor **db)
{
	struct tensor *in[4] = { dy, op_contiguous_rows(g, x), mean, rstd };
	struct node *n = graph_node(g, &layernorm_dw, NULL, in, 4);

	*db = n ? n->out[1] : NULL;
	return n ? n->out[0] : NULL;
}

static int check_rows(const char *op, const struct layout *x)
{
	int ret = rule_f32(op, "x", x);

	return ret ? ret : rule_rows(op, "x", x);
}

static int layernorm_infer(const void *attr, const struct layout *in, int nr_in,
			   struct layout *out)
{
	int ret = check_rows("layernorm", &in[0]);

	if (ret)
		return ret;
	ret = rule_vector("layernorm", "w", &in[1], layout_last(&in[0]));
	if (!ret && nr_in > 2 && in[2].nd >= 0)
		ret = rule_vector("layernorm", "b", &in[2], layout_last(&in[0]));
	out[0] = layout_like(&in[0], DT_F32);
	out[1] = out[2] = rule_without_last(&in[0]);
	return ret;
}

static int layernorm_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	struct graph *g = backward_graph(b);
	struct tensor *x = n->in[0], *w = n->in[1], *bias = n->nr_in > 2 ? n->in[2] : NULL;
	struct tensor *mean = n->out[1], *rstd = n->out[2], *dw, *db;

	if (dout[1] || dout[2])
		return fail(-EOPNOTSUPP, "%s: mean and rstd are not differentiable", n->name);
	if (backward_needs(b, x))
		backward_add(b, x, op_layernorm_dx(g, dout[0], x, w, mean, rstd));
	if (!backward_needs(b, w) && !backward_needs(b, bias))
		return 0;
	dw = op_layernorm_dw(g, dout[0], x, mean, rstd, &db);
	backward_add(b, w, dw);
	if (bias)
		backward_add(b, bias, db);
	return 0;
}

static void layernorm_cost(const void *attr, const struct layout *in, const struct layout *out,
			   struct cost *cost)
{
	cost->flops = 8.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 3) + rule_bytes(out, 3);
}

static int64_t layernorm_reduce(const void *attr, const struct layout *in,
				const struct layout *out)
{
	return layout_last(&in[0]);
}

static void oracle_row(const double *x, const double *w, const double *b, int64_t n, double eps,
		       double *y, double *mean, double *rstd)
{
	double sum = 0, var = 0;

	for (int64_t i = 0; i < n; i++)
		sum += x[i];
	*mean = sum / n;
	for (int64_t i = 0; i < n; i++)
		var += (x[i] - *mean) * (x[i] - *mean);
	*rstd = 1 / sqrt(var / n + eps);
	for (int64_t i = 0; i < n; i++)
		y[i] = (x[i] - *mean) * *rstd * w[i] + (b ? b[i] : 0);
}

static int layernorm_oracle(const struct oracle_call *c)
{
	const struct layernorm_attr *a = c->attr;
	int64_t n = layout_last(&c->in_layout[0]);

	for (int64_t r = 0; r < layout_rows(&c->in_layout[0]); r++)
		oracle_row(c->in[0] + r * n, c->in[1], c->nr_in > 2 ? c->in[2] : NULL, n, a->eps,
			   c->out[0] + r * n, c->out[1] + r, c->out[2] + r);
	return 0;
}

static const struct layernorm_attr usual = { 1e-5f }, large = { 0.5f };

static const struct op_case layernorm_cases[] = {
	{ "one", &usual, 3, { CASE_DIFF(1, 1), CASE_DIFF(1, 1), CASE_DIFF(1, 1) } },
	{ "vector", &usual, 3, { CASE_DIFF(1, 9), CASE_DIFF(1, 9), CASE_DIFF(1, 9) } },
	{ "odd", &usual, 3, { CASE_DIFF_EXT(3, 3, 3, 5, 7), CASE_DIFF(1, 7), CASE_DIFF(1, 7) } },
	{ "no bias", &usual, 2, { CASE_DIFF_EXT(1, 2, 5, 33), CASE_DIFF(1, 33) } },
	{ "absent bias", &large, 3, { CASE_DIFF(2, 5, 17), CASE_DIFF(1, 17), CASE_ABSENT } },
	{ "heads", &usual, 3,
	  { CASE_DIFF(4, 2, 3, 2, 16), CASE_DIFF(1, 16), CASE_DIFF(1, 16) } },
	{ "tiles", &usual, 3, { CASE_EXT(1, 2, 131, 384), CASE_F32(1, 384), CASE_F32(1, 384) } },
	{ "long rows", &usual, 3,
	  { CASE_EXT(1, 2, 3, 20011), CASE_F32(1, 20011), CASE_F32(1, 20011) } },
	{ NULL },
};

static const struct op_case layernorm_timed[] = {
	{ "6x384", &usual, 3, { CASE_F32(2, 4096, 384), CASE_F32(1, 384), CASE_F32(1, 384) } },
	{ "124M", &usual, 3, { CASE_F32(2, 1024, 768), CASE_F32(1, 768), CASE_F32(1, 768) } },
	{ "large", &usual, 3, { CASE_F32(2, 65536, 384), CASE_F32(1, 384), CASE_F32(1, 384) } },
	{ NULL },
};

static const struct op layernorm = {
	.name = "layernorm",
	.summary = "layer normalisation over the last dimension",
	.attr_size = sizeof(struct layernorm_attr),
	.nr_in = 3,
	.nr_out = 3,
	.strided_in = 1,
	.optional_in = 4,
	.inplace = { 1 },
	.infer = layernorm_infer,
	.grad = layernorm_backward,
	.cost = layernorm_cost,
	.reduce = layernorm_reduce,
	.oracle = OP_TEST(layernorm_oracle),
	.cases = OP_TEST(layernorm_cases),
	.timed = OP_TEST(layernorm_timed),
};
OP_REGISTER(layernorm);

/* ---- gradient of x ----------------------------------------------------------- */

static int layernorm_dx_infer(const void *attr, const struct layout *in, int nr_in,
			      struct layout *out)
{
	int ret = check_rows("layernorm_dx", &in[1]);

	if (!ret)
		ret = rule_like("layernorm_dx", "dy", &in[0], "x", &in[1]);
	if (!ret)
		ret = rule_vector("layernorm_dx", "w", &in[2], layout_last(&in[1]));
	if (!ret)
		ret = rule_leading("layernorm_dx", "mean", &in[3], "rows of x", &in[1]);
	if (!ret)
		ret = rule_leading("layernorm_dx", "rstd", &in[4], "rows of x", &in[1]);
	out[0] = layout_like(&in[1], DT_F32);
	return ret;
}

static void layernorm_dx_cost(const void *attr, const struct layout *in,
			      const struct layout *out, struct cost *cost)
{
	cost->flops = 11.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 5) + rule_bytes(out, 1);
}

static int64_t layernorm_dx_reduce(const void *attr, const struct layout *in,
				   const struct layout *out)
{
	return layout_last(&in[0]);
}

static void oracle_dx_row(const double *dy, const double *x, const double *w, int64_t n,
			  double mean, double rstd, double *dx)
{
	double sum = 0, dot = 0;

	for (int64_t i = 0; i < n; i++) {
		sum += dy[i] * w[i];
		dot += dy[i] * w[i] * (x[i] - mean) * rstd;
	}
	for (int64_t i = 0; i < n; i++)
		dx[i] = rstd * (dy[i] * w[i] - sum / n - (x[i] - mean) * rstd * dot / n);
}

static int layernorm_dx_oracle(const struct oracle_call *c)
{
	int64_t n = layout_last(&c->in_layout[1]);

	for (int64_t r = 0; r < layout_rows(&c->in_layout[1]); r++)
		oracle_dx_row(c->in[0] + r * n, c->in[1] + r * n, c->in[2], n, c->in[3][r],
			      c->in[4][r], c->out[0] + r * n);
	return 0;
}

#define POSITIVE(...) CASE_FILL(DT_F32, FILL_POSITIVE, __VA_ARGS__)

static const struct op_case layernorm_dx_cases[] = {
	{ "one", NULL, 5,
	  { CASE_F32(1, 1), CASE_F32(1, 1), CASE_F32(1, 1), CASE_F32(0), POSITIVE(0) } },
	{ "odd", NULL, 5,
	  { CASE_EXT(3, 3, 3, 5, 7), CASE_EXT(3, 3, 3, 5, 7), CASE_F32(1, 7),
	    CASE_EXT(3, 2, 3, 5), CASE_EXT(3, 2, 3, 5) } },
	{ "tiles", NULL, 5,
	  { CASE_F32(2, 131, 384), CASE_F32(2, 131, 384), CASE_F32(1, 384), CASE_F32(1, 131),
	    POSITIVE(1, 131) } },
	{ "long rows", NULL, 5,
	  { CASE_F32(2, 3, 20011), CASE_F32(2, 3, 20011), CASE_F32(1, 20011), CASE_F32(1, 3),
	    POSITIVE(1, 3) } },
	{ NULL },
};

static const struct op_case layernorm_dx_timed[] = {
	{ "6x384", NULL, 5,
	  { CASE_F32(2, 4096, 384), CASE_F32(2, 4096, 384), CASE_F32(1, 384),
	    POSITIVE(1, 4096), POSITIVE(1, 4096) } },
	{ "124M", NULL, 5,
	  { CASE_F32(2, 1024, 768), CASE_F32(2, 1024, 768), CASE_F32(1, 768),
	    POSITIVE(1, 1024), POSITIVE(1, 1024) } },
	{ "large", NULL, 5,
	  { CASE_F32(2, 65536, 384), CASE_F32(2, 65536, 384), CASE_F32(1, 384),
	    POSITIVE(1, 65536), POSITIVE(1, 65536) } },
	{ NULL },
};

static const struct op layernorm_dx = {
	.name = "layernorm_dx",
	.summary = "gradient of layernorm's input",
	.nr_in = 5,
	.nr_out = 1,
	.strided_in = 2,
	.inplace = { 1 },
	.infer = layernorm_dx_infer,
	.cost = layernorm_dx_cost,
	.reduce = layernorm_dx_reduce,
	.oracle = OP_TEST(layernorm_dx_oracle),
	.cases = OP_TEST(layernorm_dx_cases),
	.timed = OP_TEST(layernorm_dx_timed),
};
OP_REGISTER(layernorm_dx);

/* ---- gradients of w and b ---------------------------------------------------- */

static int layernorm_dw_infer(const void *attr, const struct layout *in, int nr_in,
			      struct layout *out)
{
	int ret = check_rows("layernorm_dw", &in[1]);

	if (!ret)
		ret = rule_like("layernorm_dw", "dy", &in[0], "x", &in[1]);
	if (!ret)
		ret = rule_leading("layernorm_dw", "mean", &in[2], "rows of x", &in[1]);
	if (!ret)
		ret = rule_leading("layernorm_dw", "rstd", &in[3], "rows of x", &in[1]);
	if (ret)
		return ret;
	out[0] = out[1] = layout_make(DT_F32, 1, &in[1].n[in[1].nd - 1]);
	return 0;
}

static void layernorm_dw_cost(const void *attr, const struct layout *in,
			      const struct layout *out, struct cost *cost)
{
	cost->flops = 5.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 4) + rule_bytes(out, 2);
}

static int64_t layernorm_dw_reduce(const void *attr, const struct layout *in,
				   const struct layout *out)
{
	return layout_rows(&in[0]);
}

static int layernorm_dw_oracle(const struct oracle_call *c)
{
	int64_t n = layout_last(&c->in_layout[1]), rows = layout_rows(&c->in_layout[1]);

	for (int64_t i = 0; i < n; i++) {
		double dw = 0, db = 0;

		for (int64_t r = 0; r < rows; r++) {
			double dy = c->in[0][r * n + i], x = c->in[1][r * n + i];

			dw += dy * (x - c->in[2][r]) * c->in[3][r];
			db += dy;
		}
		c->out[0][i] = dw;
		c->out[1][i] = db;
	}
	return 0;
}

static const struct op_case layernorm_dw_cases[] = {
	{ "one", NULL, 4, { CASE_F32(1, 1), CASE_F32(1, 1), CASE_F32(0), POSITIVE(0) } },
	{ "odd", NULL, 4,
	  { CASE_EXT(3, 3, 3, 5, 7), CASE_EXT(3, 3, 3, 5, 7), CASE_EXT(3, 2, 3, 5),
	    CASE_EXT(3, 2, 3, 5) } },
	{ "tiles", NULL, 4,
	  { CASE_EXT(1, 2, 700, 131), CASE_EXT(1, 2, 700, 131), CASE_EXT(1, 1, 700),
	    CASE_EXT(1, 1, 700) } },
	{ "many rows", NULL, 4,
	  { CASE_F32(2, 17000, 3), CASE_F32(2, 17000, 3), CASE_F32(1, 17000),
	    POSITIVE(1, 17000) } },
	{ "long rows", NULL, 4,
	  { CASE_F32(2, 3, 20011), CASE_F32(2, 3, 20011), CASE_F32(1, 3), POSITIVE(1, 3) } },
	{ NULL },
};

static const struct op_case layernorm_dw_timed[] = {
	{ "6x384", NULL, 4,
	  { CASE_F32(2, 4096, 384), CASE_F32(2, 4096, 384), POSITIVE(1, 4096),
	    POSITIVE(1, 4096) } },
	{ "124M", NULL, 4,
	  { CASE_F32(2, 1024, 768), CASE_F32(2, 1024, 768), POSITIVE(1, 1024),
	    POSITIVE(1, 1024) } },
	{ "large", NULL, 4,
	  { CASE_F32(2, 65536, 384), CASE_F32(2, 65536, 384), POSITIVE(1, 65536),
	    POSITIVE(1, 65536) } },
	{ NULL },
};

static const struct op layernorm_dw = {
	.name = "layernorm_dw",
	.summary = "gradients of layernorm's gain and bias",
	.nr_in = 4,
	.nr_out = 2,
	.strided_in = 2,
	.infer = layernorm_dw_infer,
	.cost = layernorm_dw_cost,
	.reduce = layernorm_dw_reduce,
	.oracle = OP_TEST(layernorm_dw_oracle),
	.cases = OP_TEST(layernorm_dw_cases),
	.timed = OP_TEST(layernorm_dw_timed),
};
OP_REGISTER(layernorm_dw);
