// SPDX-License-Identifier: MIT
#include "ops/rmsnorm.h"

#include <math.h>

#include "arch/cpu/convert.h"
#include "arch/cpu/norm.h"

/* Rows are short and in the cache: two passes over them cost little. */
SIMD_INLINE void row_of(enum dtype xt, enum dtype yt, const struct norm_row *r)
{
	const void *x = r->x;
	void *y = r->y;
	const float *w = r->w;
	int64_t n = r->n;
	float square = ROW_SUM(n, i, load_as(xt, x, i) * load_as(xt, x, i));
	float rstd = (float)(1 / sqrt(square / (double)n + r->eps));

	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		store_as(yt, y, i, load_as(xt, x, i) * rstd * w[i]);
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

static int rmsnorm_plain(const struct call *c)
{
	const struct rmsnorm_attr *a = c->attr;

	return norm_run(c, false, a->eps, forward_row);
}
KERNEL_REGISTER_AS(rmsnorm_plain, rmsnorm, .arch = "cpu", .rank = 0,
		   .run = rmsnorm_plain);

static int add_rmsnorm_plain(const struct call *c)
{
	const struct rmsnorm_attr *a = c->attr;

	return norm_sum_run(c, false, a->eps, forward_row);
}
KERNEL_REGISTER_AS(add_rmsnorm_plain, add_rmsnorm, .arch = "cpu", .rank = 0,
		   .run = add_rmsnorm_plain);

SIMD_INLINE void grad_of(enum dtype dyt, enum dtype xt, bool has_sum,
			 const struct norm_grad_row *r)
{
	const void *dy = r->dy, *x = r->x, *dsum = r->dsum;
	void *dx = r->dx;
	const float *w = r->w;
	float *dw = r->dw, rstd = r->rstd;
	int64_t n = r->n;
	float dot = ROW_SUM(n, i, load_as(dyt, dy, i) * w[i] * load_as(xt, x, i)) * rstd /
		    (float)n;

	SIMD_LOOP
	for (int64_t i = 0; i < n; i++) {
		float d = load_as(dyt, dy, i), xhat = load_as(xt, x, i) * rstd;
		float dxi = rstd * (d * w[i] - xhat * dot);

		dw[i] += d * xhat;
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

static size_t rmsnorm_grad_scratch(const struct call *maximal)
{
	return norm_grad_scratch(maximal, false);
}

static int rmsnorm_grad_plain(const struct call *c)
{
	return norm_grad_run(c, false, backward_row);
}
KERNEL_REGISTER_AS(rmsnorm_grad_plain, rmsnorm_grad, .arch = "cpu", .rank = 0,
		   .scratch = rmsnorm_grad_scratch, .run = rmsnorm_grad_plain);
KERNEL_REGISTER_AS(add_rmsnorm_grad_plain, add_rmsnorm_grad, .arch = "cpu", .rank = 0,
		   .scratch = rmsnorm_grad_scratch, .run = rmsnorm_grad_plain);
