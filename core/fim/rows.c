// SPDX-License-Identifier: MIT
#include "fim/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/rng.h"
#include "base/thread.h"

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

/* ---- the product ------------------------------------------------------------------------- */

/*
 * sum p p^T over the rows, as a product of blocks: PANEL keys by PANEL keys, CHUNK rows at a
 * time, which stay in the cache for all of a tile's panels.  A tile is TILE panels, rows of the
 * triangle; each element gets its chunks in the same order whoever works at it.
 */
#define PANEL 4
#define CHUNK 128
#define TILE 8

/* What every processor has registers for; eight sums and two factors fit into them. */
typedef double pair __attribute__((vector_size(2 * sizeof(double)), may_alias,
				   aligned(sizeof(double))));

static int64_t panels(int64_t n)
{
	return (n + PANEL - 1) / PANEL;
}

uint64_t fim_rows_batch_bytes(int64_t n)
{
	return (uint64_t)(panels(n) * PANEL * n + 2 * n) * sizeof(double);
}

int fim_rows_batch_init(struct fim_rows_batch *b, int64_t n)
{
	*b = (struct fim_rows_batch){ .n = n };
	b->p = calloc(panels(n) * PANEL * n, sizeof(*b->p));
	b->squares = calloc(n, sizeof(*b->squares));
	b->entropy = calloc(n, sizeof(*b->entropy));
	return b->p && b->squares && b->entropy
	     ? 0 : fail_nomem(fim_rows_batch_bytes(n), "rows of attention");
}

void fim_rows_batch_free(struct fim_rows_batch *b)
{
	free(b->p);
	free(b->squares);
	free(b->entropy);
}

/* Row @row of panel @j. */
static double *packed(const struct fim_rows_batch *b, int64_t j, int64_t row)
{
	return b->p + (j * b->n + row) * PANEL;
}

void fim_rows_put(struct fim_rows_batch *b, int64_t i, const double *p, int64_t from,
		  double entropy)
{
	double squares = 0;

	for (int64_t j = 0; j <= i / PANEL; j++)
		for (int64_t k = 0; k < PANEL; k++) {
			int64_t key = j * PANEL + k;
			double x = key >= from && key <= i ? p[key] : 0;

			packed(b, j, i)[k] = x;
			squares += x * x;
		}
	b->squares[i] = squares;
	b->entropy[i] = entropy;
}

/* @to[x][y] = the sum over @rows rows of a[x] b[y]. */
static void multiply_panels(const double *a, const double *b, int64_t rows, double *to)
{
	pair s[2 * PANEL] = { { 0 } };

	for (int64_t i = 0; i < rows; i++) {
		pair low = *(const pair *)(b + i * PANEL);
		pair high = *(const pair *)(b + i * PANEL + 2);
		const double *x = a + i * PANEL;

		s[0] += x[0] * low;
		s[1] += x[0] * high;
		s[2] += x[1] * low;
		s[3] += x[1] * high;
		s[4] += x[2] * low;
		s[5] += x[2] * high;
		s[6] += x[3] * low;
		s[7] += x[3] * high;
	}
	memcpy(to, s, sizeof(s));
}

/* Rows before the first key of panel @j have no weight there. */
static void add_panel(struct fim_rows *r, const struct fim_rows_batch *b, int64_t j, int64_t k,
		      int64_t begin, int64_t end)
{
	double sum[PANEL * PANEL];

	begin = begin > j * PANEL ? begin : j * PANEL;
	if (begin >= end)
		return;
	multiply_panels(packed(b, j, begin), packed(b, k, begin), end - begin, sum);
	for (int64_t x = 0; x < PANEL && j * PANEL + x < b->n; x++) {
		int64_t row = j * PANEL + x;
		double *to = r->outer + triangle(row) + k * PANEL;

		for (int64_t y = 0; y < PANEL && k * PANEL + y <= row; y++)
			to[y] += sum[x * PANEL + y];
	}
}

static void add_mean(struct fim_rows *r, const struct fim_rows_batch *b, int64_t j)
{
	for (int64_t i = j * PANEL; i < b->n; i++)
		for (int64_t k = 0; k < PANEL && j * PANEL + k < b->n; k++)
			r->mean[j * PANEL + k] += packed(b, j, i)[k];
}

/** struct product - what the tiles share. */
struct product {
	struct fim_rows *rows;
	const struct fim_rows_batch *batch;
};

static void product_tile(void *ctx, long tile)
{
	const struct product *p = ctx;
	int64_t first = tile * TILE, last = first + TILE, n = p->batch->n;

	last = last < panels(n) ? last : panels(n);
	for (int64_t begin = 0; begin < n; begin += CHUNK) {
		int64_t end = begin + CHUNK < n ? begin + CHUNK : n;

		for (int64_t k = 0; k < last; k++)
			for (int64_t j = k > first ? k : first; j < last; j++)
				add_panel(p->rows, p->batch, j, k, begin, end);
	}
	for (int64_t j = first; j < last; j++)
		add_mean(p->rows, p->batch, j);
}

void fim_rows_add(struct fim_rows *r, const struct fim_rows_batch *b)
{
	struct product p = { .rows = r, .batch = b };

	BUG_ON(b->n > r->n);
	threads_run((long)((panels(b->n) + TILE - 1) / TILE), product_tile, &p);
	for (int64_t i = 0; i < b->n; i++) {
		r->squares += b->squares[i];
		r->entropy += b->entropy[i];
	}
	r->rows += b->n;
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
