// SPDX-License-Identifier: MIT
#include "ops/rmsnorm.h"

#include <math.h>

#include "arch/cpu/convert.h"
#include "arch/cpu/norm.h"

SIMD_INLINE float rstd_of(enum dtype xt, const void *x, int64_t n, float eps)
{
	float square = ROW_SUM(n, i, load_as(xt, x, i) * load_as(xt, x, i));

	return (float)(1 / sqrt(square / (double)n + eps));
}

SIMD_INLINE void write_row(enum dtype xt, enum dtype yt, const struct norm_row *r)
{
	const void *x = r->x;
	void *y = r->y;
	const float *w = r->w;
	float rstd = *r->rstd;
	int64_t n = r->n;

	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		store_as(yt, y, i, load_as(xt, x, i) * rstd * w[i]);
}

/* The rows are in the cache: two passes over them cost little. */
SIMD_INLINE void rows_of(enum dtype xt, enum dtype yt, const struct norm_row *r, int nr)
{
	for (int k = 0; k < nr; k++)
		*r[k].rstd = rstd_of(xt, r[k].x, r[k].n, r[k].eps);
	for (int k = 0; k < nr; k++)
		write_row(xt, yt, &r[k]);
}

SIMD_CLONES static void forward_rows(const struct norm_row *r, int nr)
{
	if (r->x_type == DT_F32 && r->y_type == DT_F32)
		rows_of(DT_F32, DT_F32, r, nr);
	else if (r->x_type == DT_F32)
		rows_of(DT_F32, DT_BF16, r, nr);
	else if (r->y_type == DT_F32)
		rows_of(DT_BF16, DT_F32, r, nr);
	else
		rows_of(DT_BF16, DT_BF16, r, nr);
}

static int rmsnorm_plain(const struct call *c)
{
	const struct rmsnorm_attr *a = c->attr;

	return norm_run(c, false, a->eps, forward_rows);
}
KERNEL_REGISTER_AS(rmsnorm_plain, rmsnorm, .arch = "cpu", .rank = 0,
		   .run = rmsnorm_plain);

static int add_rmsnorm_plain(const struct call *c)
{
	const struct rmsnorm_attr *a = c->attr;

	return norm_sum_run(c, false, a->eps, forward_rows);
}
KERNEL_REGISTER_AS(add_rmsnorm_plain, add_rmsnorm, .arch = "cpu", .rank = 0,
		   .run = add_rmsnorm_plain);

SIMD_INLINE float dot_of(enum dtype dyt, enum dtype xt, const struct norm_grad_row *r)
{
	const void *dy = r->dy, *x = r->x;
	const float *w = r->w;
	int64_t n = r->n;

	return ROW_SUM(n, i, load_as(dyt, dy, i) * w[i] * load_as(xt, x, i)) * r->rstd / (float)n;
}

SIMD_INLINE void grad_of(enum dtype dyt, enum dtype xt, bool has_sum,
			 const struct norm_grad_row *r)
{
	const struct norm_grad_row a = *r;	/* in registers */
	float dot = dot_of(dyt, xt, r);

	SIMD_LOOP
	for (int64_t i = 0; i < a.n; i++) {
		float d = load_as(dyt, a.dy, i), xhat = load_as(xt, a.x, i) * a.rstd;
		float dxi = a.rstd * (d * a.w[i] - xhat * dot);

		store_as(xt, a.dx, i, has_sum ? load_as(xt, a.dsum, i) + dxi : dxi);
		a.dw[i] += d * xhat;
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
