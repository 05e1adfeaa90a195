// SPDX-License-Identifier: MIT
#include "ops/layernorm.h"

#include <math.h>

#include "arch/cpu/convert.h"
#include "arch/cpu/norm.h"

/* Rows are short and in the cache: three passes over them cost little. */
SIMD_INLINE void row_of(enum dtype xt, enum dtype yt, const struct norm_row *r)
{
	const void *x = r->x;
	void *y = r->y;
	const float *w = r->w, *b = r->b;
	int64_t n = r->n;
	float mean = ROW_SUM(n, i, load_as(xt, x, i)) / (float)n;
	float var = ROW_SUM(n, i, (load_as(xt, x, i) - mean) * (load_as(xt, x, i) - mean));
	float rstd = (float)(1 / sqrt(var / (double)n + r->eps));

	if (b) {
		SIMD_LOOP
		for (int64_t i = 0; i < n; i++)
			store_as(yt, y, i, (load_as(xt, x, i) - mean) * rstd * w[i] + b[i]);
	} else {
		SIMD_LOOP
		for (int64_t i = 0; i < n; i++)
			store_as(yt, y, i, (load_as(xt, x, i) - mean) * rstd * w[i]);
	}
	*r->mean = mean;
	*r->rstd = rstd;
}

SIMD_CLONES static void forward_row(const struct norm_row *r)
{
	if (r->x_type == DT_F32 && r->y_type == DT_F32)
		row_of(DT_F32, DT_F32, r);
	else if (r->x_type == DT_F32)
		row_of(DT_F32, DT_BF16, r);
	else if (r->y_type == DT_F32)
		row_of(DT_BF16, DT_F32, r);
	else
		row_of(DT_BF16, DT_BF16, r);
}

static int layernorm_plain(const struct call *c)
{
	const struct layernorm_attr *a = c->attr;

	return norm_run(c, true, a->eps, forward_row);
}
KERNEL_REGISTER_AS(layernorm_plain, layernorm, .arch = "cpu", .rank = 0,
		   .run = layernorm_plain);

static int add_layernorm_plain(const struct call *c)
{
	const struct layernorm_attr *a = c->attr;

	return norm_sum_run(c, true, a->eps, forward_row);
}
KERNEL_REGISTER_AS(add_layernorm_plain, add_layernorm, .arch = "cpu", .rank = 0,
		   .run = add_layernorm_plain);

SIMD_INLINE void grad_of(enum dtype dyt, enum dtype xt, bool has_sum,
			 const struct norm_grad_row *r)
{
	const void *dy = r->dy, *x = r->x, *dsum = r->dsum;
	void *dx = r->dx;
	const float *w = r->w;
	float *dw = r->dw, *db = r->db, mean = r->mean, rstd = r->rstd;
	int64_t n = r->n;
	float sum = ROW_SUM(n, i, load_as(dyt, dy, i) * w[i]) / (float)n;
	float dot = ROW_SUM(n, i, load_as(dyt, dy, i) * w[i] * (load_as(xt, x, i) - mean)) *
		    rstd / (float)n;

	SIMD_LOOP
	for (int64_t i = 0; i < n; i++) {
		float d = load_as(dyt, dy, i), xhat = (load_as(xt, x, i) - mean) * rstd;
		float dxi = rstd * (d * w[i] - sum - xhat * dot);

		dw[i] += d * xhat;
		db[i] += d;
		store_as(xt, dx, i, has_sum ? load_as(xt, dsum, i) + dxi : dxi);
	}
}

SIMD_INLINE void grad_typed(enum dtype dyt, enum dtype xt, const struct norm_grad_row *r)
{
	if (r->dsum)
		grad_of(dyt, xt, true, r);
	else
		grad_of(dyt, xt, false, r);
}

SIMD_CLONES static void backward_row(const struct norm_grad_row *r)
{
	if (r->dy_type == DT_F32 && r->x_type == DT_F32)
		grad_typed(DT_F32, DT_F32, r);
	else if (r->x_type == DT_F32)
		grad_typed(DT_BF16, DT_F32, r);
	else if (r->dy_type == DT_F32)
		grad_typed(DT_F32, DT_BF16, r);
	else
		grad_typed(DT_BF16, DT_BF16, r);
}

static size_t layernorm_grad_scratch(const struct call *maximal)
{
	return norm_grad_scratch(maximal, true);
}

static int layernorm_grad_plain(const struct call *c)
{
	return norm_grad_run(c, true, backward_row);
}
KERNEL_REGISTER_AS(layernorm_grad_plain, layernorm_grad, .arch = "cpu", .rank = 0,
		   .scratch = layernorm_grad_scratch, .run = layernorm_grad_plain);
KERNEL_REGISTER_AS(add_layernorm_grad_plain, add_layernorm_grad, .arch = "cpu", .rank = 0,
		   .scratch = layernorm_grad_scratch, .run = layernorm_grad_plain);
