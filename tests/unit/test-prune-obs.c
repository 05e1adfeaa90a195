// SPDX-License-Identifier: MIT
/*
 * Inverses and updates against the definitions, with Gaussian elimination.
 */
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "base/thread.h"
#include "prune/factor.h"
#include "prune/mask.h"
#include "prune/obs.h"
#include "prune/select.h"
#include "tests/unit/test.h"

/* Inputs whose numbers depend on each other; H = sum of x x^T. */
static double *make_h(int64_t n, int samples, int seed)
{
	struct rng r = rng_stream(seed, "test/h", 0);
	double *h = calloc(n * n, sizeof(*h)), *x = malloc(n * sizeof(*x));

	for (int s = 0; s < samples; s++) {
		double common = rng_normal(&r, s);

		for (int64_t i = 0; i < n; i++)
			x[i] = rng_normal(&r, 1000 + s * n + i) + common * (1 + i % 3);
		for (int64_t i = 0; i < n; i++)
			for (int64_t j = 0; j < n; j++)
				h[i * n + j] += x[i] * x[j];
	}
	free(x);
	return h;
}

/* Inverse of the @m x @m corner of @h that begins at @from, by Gauss and Jordan. */
static double *invert(const double *h, int64_t n, int64_t from)
{
	int64_t m = n - from;
	double *a = malloc(m * 2 * m * sizeof(*a)), *inverse = malloc(m * m * sizeof(*inverse));

	for (int64_t i = 0; i < m; i++)
		for (int64_t j = 0; j < 2 * m; j++)
			a[i * 2 * m + j] = j < m ? h[(from + i) * n + from + j] : j - m == i;
	for (int64_t c = 0; c < m; c++) {
		double pivot = a[c * 2 * m + c];

		for (int64_t j = 0; j < 2 * m; j++)
			a[c * 2 * m + j] /= pivot;
		for (int64_t i = 0; i < m; i++) {
			double factor = a[i * 2 * m + c];

			for (int64_t j = 0; j < 2 * m && i != c; j++)
				a[i * 2 * m + j] -= factor * a[c * 2 * m + j];
		}
	}
	for (int64_t i = 0; i < m; i++)
		memcpy(inverse + i * m, a + i * 2 * m + m, m * sizeof(*a));
	free(a);
	return inverse;
}

static void prune_factor_inverse(void)
{
	static const int64_t sizes[] = { 1, 2, 15, 16, 17, 64, 65, 150 };

	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		int64_t n = sizes[k];
		double *h = make_h(n, 2 * (int)n + 3, 1), *u, *want, *diagonal, *other;

		factor_damp(h, n, 0.01);
		want = invert(h, n, 0);
		u = malloc(n * n * sizeof(*u));
		other = malloc(n * n * sizeof(*u));
		diagonal = malloc(n * sizeof(*diagonal));
		memcpy(u, h, n * n * sizeof(*u));
		memcpy(other, h, n * n * sizeof(*u));
		check_ok(factor_inverse(u, n, "h"));
		check_ok(threads_start(3));
		check_ok(factor_inverse(other, n, "h"));
		threads_stop();
		CHECK(!memcmp(u, other, n * n * sizeof(*u)));
		factor_diagonal(u, n, diagonal);
		for (int64_t i = 0; i < n; i++)
			for (int64_t j = 0; j < n; j++) {
				double sum = 0, scale = sqrt(want[i * n + i] * want[j * n + j]);

				for (int64_t m = 0; m < n; m++)
					sum += u[m * n + i] * u[m * n + j];
				CHECK(fabs(sum - want[i * n + j]) < 1e-9 * scale);
				CHECK(j >= i || u[i * n + j] == 0);
				CHECK(i != j || fabs(diagonal[i] - sum) < 1e-9 * scale);
			}
		free(diagonal);
		free(other);
		free(want);
		free(u);
		free(h);
	}
}
TEST_REGISTER(prune_factor_inverse);

static void prune_factor_indefinite(void)
{
	double h[4] = { 1, 2, 2, 1 }, zero[4] = { 0 };

	check_fails(factor_inverse(h, 2, "h.0"), -EDOM, "h.0: the matrix of its inputs is not");
	factor_damp(zero, 2, 0.5);
	CHECK(zero[0] == 1.5 && zero[1] == 0 && zero[3] == 1.5);
}
TEST_REGISTER(prune_factor_indefinite);

/* ---- updates --------------------------------------------------------------------------- */

#define ROWS 70
#define COLS 40

struct layer {
	double *h, *u;
	bool dead[COLS];
	float w[ROWS * COLS], before[ROWS * COLS];
	uint64_t *mask;
	struct obs_call call;
};

static void layer_make(struct layer *l)
{
	struct rng r = rng_stream(2, "test/w", 0);

	memset(l, 0, sizeof(*l));
	l->h = make_h(COLS, 100, 3);
	for (int i = 0; i < COLS; i++)
		l->h[7 * COLS + i] = l->h[i * COLS + 7] = 0;	/* an input that is always 0 */
	l->dead[7] = true;
	factor_damp(l->h, COLS, 0.01);
	l->u = malloc(COLS * COLS * sizeof(*l->u));
	memcpy(l->u, l->h, COLS * COLS * sizeof(*l->u));
	check_ok(factor_inverse(l->u, COLS, "h"));
	for (int i = 0; i < ROWS * COLS; i++)
		l->before[i] = l->w[i] = rng_normal(&r, i);
	l->mask = mask_new(ROWS * COLS);
	l->call = (struct obs_call){ .rows = ROWS, .cols = COLS, .columns = 16, .u = l->u,
				     .dead = l->dead, .w = l->w, .mask = l->mask };
}

static void layer_free(struct layer *l)
{
	free(l->h);
	free(l->u);
	free(l->mask);
	free(l);
}

/*
 * Frantar and Alistarh, equations 2 and 3: a weight that is dropped moves those behind it by
 * -w / [K]_11 K_1, with K the inverse of the corner of H that is left.
 */
static void update_row(const struct layer *l, int row, double *w)
{
	for (int i = 0; i < COLS; i++)
		w[i] = l->before[row * COLS + i];
	for (int j = 0; j < COLS; j++) {
		double *k = invert(l->h, COLS, j), error = w[j] / k[0];

		if (!mask_get(l->mask, row * COLS + j)) {
			for (int i = j; i < COLS; i++)
				w[i] -= error * k[i - j];
			w[j] = 0;
		}
		free(k);
	}
}

static void check_update(const struct layer *l)
{
	double want[COLS];

	for (int row = 0; row < ROWS; row++) {
		update_row(l, row, want);
		for (int i = 0; i < COLS; i++) {
			CHECK(fabs(l->w[row * COLS + i] - want[i]) < 1e-6 * (1 + fabs(want[i])));
			if (!mask_get(l->mask, row * COLS + i))
				CHECK(l->w[row * COLS + i] == 0);
		}
	}
}

static void prune_obs_given(void)
{
	struct layer *l = malloc(sizeof(*l));
	struct rng r = rng_stream(4, "test/mask", 0);

	layer_make(l);
	check_ok(obs_update(&l->call, "w"));
	CHECK(!memcmp(l->w, l->before, sizeof(l->w)));		/* all are kept */
	for (int i = 0; i < ROWS * COLS; i++)
		mask_set(l->mask, i, rng_u32(&r, i) % 3);
	check_ok(obs_update(&l->call, "w"));
	check_update(l);
	layer_free(l);
}
TEST_REGISTER(prune_obs_given);

/* The choice is exact; what is kept in a block are its highest scores as they are then. */
static void prune_obs_chosen(void)
{
	struct layer *l = malloc(sizeof(*l));
	int64_t drop = select_count(0.45, ROWS * 16);
	double least_kept = INFINITY, most_dropped = -INFINITY;

	layer_make(l);
	l->call.choose = true;
	l->call.sparsity = 0.45;
	check_ok(threads_start(2));
	check_ok(obs_update(&l->call, "w"));
	threads_stop();
	CHECK(mask_kept(l->mask, ROWS * COLS) == ROWS * COLS - select_count(0.45, ROWS * COLS));
	check_update(l);
	for (int row = 0; row < ROWS; row++)		/* the first block: not updated yet */
		for (int i = 0; i < 16; i++) {
			double x = l->dead[i] ? 0 : l->before[row * COLS + i] / l->u[i * COLS + i];

			if (mask_get(l->mask, row * COLS + i))
				least_kept = fmin(least_kept, x * x);
			else
				most_dropped = fmax(most_dropped, x * x);
			drop -= !mask_get(l->mask, row * COLS + i);
			if (i == 7)
				CHECK(!mask_get(l->mask, row * COLS + i));
		}
	CHECK(!drop && least_kept >= most_dropped);
	layer_free(l);
}
TEST_REGISTER(prune_obs_chosen);

static void prune_obs_groups(void)
{
	struct layer *l = malloc(sizeof(*l));

	layer_make(l);
	l->call.choose = true;
	l->call.keep = 2;
	l->call.of = 4;
	check_ok(obs_update(&l->call, "w"));
	for (int at = 0; at < ROWS * COLS; at += 4) {
		int kept = 0;

		for (int i = 0; i < 4; i++)
			kept += mask_get(l->mask, at + i);
		CHECK(kept == 2);
	}
	check_update(l);
	layer_free(l);
}
TEST_REGISTER(prune_obs_groups);
