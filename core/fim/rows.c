// SPDX-License-Identifier: MIT
#include "fim/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/rng.h"

#define STEPS 96	/* of Lanczos: the end of a spectrum is exact long before */

static int64_t triangle(int64_t n)
{
	return n * (n + 1) / 2;
}

uint64_t fim_rows_bytes(int64_t n)
{
	return (uint64_t)(n + triangle(n)) * sizeof(double);
}

int fim_rows_init(struct fim_rows *r, int64_t n)
{
	*r = (struct fim_rows){ .n = n };
	r->mean = calloc(n, sizeof(*r->mean));
	r->outer = calloc(triangle(n), sizeof(*r->outer));
	return r->mean && r->outer ? 0 : fail_nomem(fim_rows_bytes(n), "rows of attention");
}

void fim_rows_free(struct fim_rows *r)
{
	free(r->mean);
	free(r->outer);
}

static void add_one(struct fim_rows *r, const double *p, int64_t used)
{
	for (int64_t j = 0; j < used; j++) {
		r->mean[j] += p[j];
		r->squares += p[j] * p[j];
		if (p[j] > 0)
			r->entropy -= p[j] * log(p[j]);
	}
	r->rows++;
}

/* Row @j of the triangle, for all rows at once: it is read and written once. */
static void add_outer(double *to, const double *p, int64_t n, int64_t j)
{
	double at[FIM_ROWS_AT_ONCE];

	for (int i = 0; i < FIM_ROWS_AT_ONCE; i++)
		at[i] = p[i * n + j];
	for (int64_t k = 0; k <= j; k++) {
		double sum = 0;

		for (int i = 0; i < FIM_ROWS_AT_ONCE; i++)
			sum += at[i] * p[i * n + k];
		to[k] += sum;
	}
}

void fim_rows_add(struct fim_rows *r, const double *p, int nr, int64_t used)
{
	for (int i = 0; i < nr; i++)
		add_one(r, p + i * r->n, used);
	for (int64_t j = 0; j < used; j++)
		add_outer(r->outer + triangle(j), p, r->n, j);
}

/* ---- eigenvalues ------------------------------------------------------------------------- */

/* y = F x */
static void multiply(const struct fim_rows *r, const double *x, double *y)
{
	double part = 1.0 / (double)r->rows;

	for (int64_t j = 0; j < r->n; j++)
		y[j] = r->mean[j] * part * x[j];
	for (int64_t j = 0; j < r->n; j++) {
		const double *row = r->outer + triangle(j);
		double sum = 0, xj = x[j] * part;

		for (int64_t k = 0; k < j; k++) {
			sum += row[k] * x[k];
			y[k] -= row[k] * xj;
		}
		y[j] -= sum * part + row[j] * xj;
	}
}

static double dot(const double *a, const double *b, int64_t n)
{
	double sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* Eigenvalues of the tridiagonal matrix (@a; @b) that are above @x, by Sturm's sequence. */
static int above(const double *a, const double *b, int n, double x)
{
	double q = 1;
	int nr = 0;

	for (int i = 0; i < n; i++) {
		double over = i ? b[i - 1] * b[i - 1] : 0;

		q = a[i] - x - (q != 0 ? over / q : over / 1e-300);
		nr += q > 0;
	}
	return nr;
}

static double largest_of(const double *a, const double *b, int n)
{
	double low = 0, high = 0;

	for (int i = 0; i < n; i++)
		high = fmax(high, fabs(a[i]) + (i ? b[i - 1] : 0) + (i < n - 1 ? b[i] : 0));
	for (int i = 0; i < 200 && high - low > 1e-15 * high; i++) {
		double middle = (low + high) / 2;

		if (above(a, b, n, middle))
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

/* Take the parts along the first @nr vectors out of @w, twice: rounding puts some back. */
static void make_orthogonal(const double *v, int nr, double *w, int64_t n)
{
	for (int again = 0; again < 2; again++)
		for (int i = 0; i < nr; i++) {
			double along = dot(v + i * n, w, n);

			for (int64_t k = 0; k < n; k++)
				w[k] -= along * v[i * n + k];
		}
}

static int first_vector(double *v, int64_t n)
{
	struct rng r = rng_stream(0, "fim/lanczos", 0);
	double norm;

	for (int64_t i = 0; i < n; i++)
		v[i] = rng_normal(&r, i);
	norm = sqrt(dot(v, v, n));
	for (int64_t i = 0; i < n; i++)
		v[i] /= norm;
	return 0;
}

/* Lanczos (1950), with full reorthogonalization. @v: (steps + 1, n) */
static double lanczos(const struct fim_rows *r, double *v, int steps)
{
	double a[STEPS], b[STEPS];
	int nr = 0;

	first_vector(v, r->n);
	while (nr < steps) {
		double *w = v + (nr + 1) * r->n;

		multiply(r, v + nr * r->n, w);
		a[nr] = dot(v + nr * r->n, w, r->n);
		make_orthogonal(v, nr + 1, w, r->n);
		b[nr] = sqrt(dot(w, w, r->n));
		nr++;
		if (!(b[nr - 1] > 1e-14))
			break;	/* the vectors so far span all that there is */
		for (int64_t k = 0; k < r->n; k++)
			w[k] /= b[nr - 1];
	}
	return largest_of(a, b, nr);
}

/* |F|^2, the sum of the squares of its eigenvalues. */
static double square_norm(const struct fim_rows *r)
{
	double part = 1.0 / (double)r->rows, sum = 0;

	for (int64_t j = 0; j < r->n; j++) {
		const double *row = r->outer + triangle(j);
		double d = part * (r->mean[j] - row[j]);

		for (int64_t k = 0; k < j; k++)
			sum += 2 * part * part * row[k] * row[k];
		sum += d * d;
	}
	return sum;
}

int fim_rows_result(const struct fim_rows *r, struct fim_rows_result *result)
{
	int steps = r->n < STEPS ? (int)r->n : STEPS;
	double *v = calloc((size_t)(steps + 1) * r->n, sizeof(*v)), norm = square_norm(r);

	if (!v)
		return fail_nomem((size_t)(steps + 1) * r->n * sizeof(*v), "eigenvalues");
	result->trace = 1 - r->squares / (double)r->rows;
	result->trace = result->trace > 0 ? result->trace : 0;	/* rows that see one key */
	result->largest = lanczos(r, v, steps);
	result->rank = norm > 1e-30 ? result->trace * result->trace / norm : 0;
	result->entropy = r->entropy / (double)r->rows;
	free(v);
	return 0;
}
