// SPDX-License-Identifier: MIT
#include "prune/factor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/thread.h"

#define BLOCK 64	/* columns that are factored at a time */
#define STRIP 16	/* columns of the inverse that are computed at a time */
#define LANES 4

void factor_damp(double *h, int64_t n, double damp)
{
	double mean = 0;

	for (int64_t i = 0; i < n; i++) {
		if (h[i * n + i] == 0)
			h[i * n + i] = 1;
		mean += h[i * n + i] / (double)n;
	}
	for (int64_t i = 0; i < n; i++)
		h[i * n + i] += damp * mean;
}

/* ---- H = R R^T ------------------------------------------------------------------------ */

struct factor {
	double *h;
	int64_t n, begin, end;		/* the block of columns */
};

/* In lanes that do not depend on each other, the same ones everywhere. */
static double dot(const double *a, const double *b, int64_t n)
{
	double sum[LANES] = { 0 };
	int64_t i = 0;

	for (; i + LANES <= n; i += LANES)
		for (int k = 0; k < LANES; k++)
			sum[k] += a[i + k] * b[i + k];
	for (; i < n; i++)
		sum[0] += a[i] * b[i];
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Two rows at once: each of their numbers is loaded once for two products. */
static void dot_pairs(const double *a, const double *b0, const double *b1, int64_t n, double *y)
{
	double sum0[LANES] = { 0 }, sum1[LANES] = { 0 };
	int64_t i = 0;

	for (; i + LANES <= n; i += LANES)
		for (int k = 0; k < LANES; k++) {
			sum0[k] += a[i + k] * b0[i + k];
			sum1[k] += a[i + k] * b1[i + k];
		}
	for (; i < n; i++) {
		sum0[0] += a[i] * b0[i];
		sum1[0] += a[i] * b1[i];
	}
	y[0] -= (sum0[0] + sum0[1]) + (sum0[2] + sum0[3]);
	y[1] -= (sum1[0] + sum1[1]) + (sum1[2] + sum1[3]);
}

/* Row @row of the block, less what the columns behind the block account for. */
static void reduce_row(void *ctx, long row)
{
	const struct factor *f = ctx;
	double *h = f->h, *own = h + row * f->n;
	int64_t rest = f->n - f->end, j = f->begin > row ? f->begin : row;

	for (; j + 1 < f->end; j += 2)
		dot_pairs(own + f->end, h + j * f->n + f->end, h + (j + 1) * f->n + f->end, rest,
			  own + j);
	if (j < f->end)
		own[j] -= dot(own + f->end, h + j * f->n + f->end, rest);
}

/* The triangle on the diagonal. */
static int factor_corner(const struct factor *f)
{
	double *h = f->h;

	for (int64_t j = f->end - 1; j >= f->begin; j--) {
		double *row = h + j * f->n;
		double d = row[j] - dot(row + j + 1, row + j + 1, f->end - j - 1);

		if (!(d > 0) || !isfinite(d))
			return -EDOM;
		row[j] = sqrt(d);
		for (int64_t i = f->begin; i < j; i++)
			h[i * f->n + j] = (h[i * f->n + j] - dot(h + i * f->n + j + 1, row + j + 1,
								  f->end - j - 1)) / row[j];
	}
	return 0;
}

/* The rows above it. */
static void solve_row(void *ctx, long row)
{
	const struct factor *f = ctx;
	double *own = f->h + row * f->n;

	for (int64_t j = f->end - 1; j >= f->begin; j--) {
		const double *r = f->h + j * f->n;

		own[j] = (own[j] - dot(own + j + 1, r + j + 1, f->end - j - 1)) / r[j];
	}
}

static int factor_all(double *h, int64_t n)
{
	struct factor f = { .h = h, .n = n };
	int ret = 0;

	for (f.end = n; f.end > 0 && !ret; f.end = f.begin) {
		f.begin = f.end > BLOCK ? f.end - BLOCK : 0;
		threads_run((long)f.end, reduce_row, &f);
		ret = factor_corner(&f);
		if (!ret)
			threads_run((long)f.begin, solve_row, &f);
	}
	return ret;
}

/* ---- U = R^-1 --------------------------------------------------------------------------- */

struct inverse {
	const double *r;
	double *u;
	int64_t n;
	int failed;
};

/* Row @i of the strip, from those below it. */
static void inverse_row(const struct inverse *v, int64_t i, int64_t end, int64_t begin,
			double *strip)
{
	const double *r = v->r + i * v->n;
	double sum[STRIP] = { 0 };

	for (int64_t k = i + 1; k < end; k++)
		for (int c = 0; c < STRIP; c++)
			sum[c] += r[k] * strip[k * STRIP + c];
	for (int c = 0; c < STRIP; c++)
		strip[i * STRIP + c] = ((i == begin + c) - sum[c]) / r[i];
}

static void inverse_strip(void *ctx, long tile)
{
	struct inverse *v = ctx;
	int64_t begin = (int64_t)tile * STRIP;
	int64_t end = v->n - begin < STRIP ? v->n : begin + STRIP;
	double *strip = calloc(end * STRIP, sizeof(*strip));

	if (!strip) {
		__atomic_store_n(&v->failed, 1, __ATOMIC_RELAXED);
		return;
	}
	for (int64_t i = end - 1; i >= 0; i--)
		inverse_row(v, i, end, begin, strip);
	for (int64_t i = 0; i < end; i++)
		memcpy(v->u + i * v->n + begin, strip + i * STRIP,
		       (end - begin) * sizeof(*strip));
	free(strip);
}

int factor_inverse(double *h, int64_t n, const char *what)
{
	struct inverse v = { .n = n };
	int ret = factor_all(h, n);

	if (ret)
		return fail(ret, "%s: the matrix of its inputs is not positive definite: take a "
			    "larger PRUNE_DAMP", what);
	v.r = h;
	v.u = calloc(n * n, sizeof(*v.u));
	if (!v.u)
		return fail_nomem(n * n * sizeof(*v.u), what);
	threads_run((long)((n + STRIP - 1) / STRIP), inverse_strip, &v);
	if (v.failed)
		ret = fail_nomem(n * STRIP * sizeof(*v.u), what);
	else
		memcpy(h, v.u, n * n * sizeof(*h));
	free(v.u);
	return ret;
}

void factor_diagonal(const double *u, int64_t n, double *diagonal)
{
	memset(diagonal, 0, n * sizeof(*diagonal));
	for (int64_t i = 0; i < n; i++)
		for (int64_t j = i; j < n; j++)
			diagonal[j] += u[i * n + j] * u[i * n + j];
}
