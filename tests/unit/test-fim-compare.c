// SPDX-License-Identifier: MIT
/*
 * Comparing and merging: files made here, of which the answers are known.
 */
#include <math.h>

#include "base/rng.h"
#include "fim/compare.h"
#include "fim/merge.h"
#include "tests/unit/fim-helper.h"

#define ROWS 40
#define COLUMNS 30
#define COUNT (ROWS * COLUMNS)

/* struct made - arrays for a file: a matrix "w" and, with @has_v, a vector "v". */
struct made {
	float w[COUNT], half[COUNT], v[COUNT];
	bool has_half, has_v;
	double shrink;
	struct fim_facts facts;
};

static int fetch(void *ctx, int tensor, bool half, int64_t at, int64_t nr, float *to)
{
	const struct made *m = ctx;

	memcpy(to, (tensor ? m->v : half ? m->half : m->w) + at, nr * sizeof(*to));
	return 0;
}

static struct fim *make(const char *dir, const char *name, struct made *m)
{
	const struct fim_tensor tensors[2] = {
		{ "w", 2, { ROWS, COLUMNS }, false }, { "v", 1, { COUNT, 1 }, false },
	};
	struct fim_values v = { tensors, m->has_v ? 2 : 1, m->has_half, fetch, m };
	struct fim_output o = { path_join(dir, name), 1 << FIM_DIAGONAL, m->shrink };
	struct fim_facts facts = m->facts;
	struct fim *f;

	if (!facts.unit) {
		facts = (struct fim_facts){ .unit = "sequence", .labels = "observed", .model = "m",
					    .data = "d", .samples = "0-3", .sequences = 4,
					    .draws = 1, .batch = 1, .context = 8, .squares = 4,
					    .tokens = 32, .seed = 1 };
	}
	if (m->has_half)
		o.parts |= 1 << FIM_HALF;
	if (!m->shrink)
		o.shrink = FIM_SHRINK_NONE;
	check_ok(fim_write_diagonal(&v, &facts, &o, NULL));
	check_ok(fim_open(o.path, &f));
	free((char *)o.path);
	return f;
}

static double noise(const char *what, int64_t i)
{
	struct rng r = rng_stream(1, what, 0);

	return rng_normal(&r, i);
}

/* Rows and columns of any size, times what is between them. */
static void fill(float *w, const char *sides, const char *inside, double strength)
{
	char rows[32], columns[32];

	snprintf(rows, sizeof(rows), "%s/rows", sides);
	snprintf(columns, sizeof(columns), "%s/columns", sides);
	for (int r = 0; r < ROWS; r++)
		for (int c = 0; c < COLUMNS; c++)
			w[r * COLUMNS + c] = (float)exp(2 * noise(rows, r) + noise(columns, c) +
							strength * noise(inside, r * COLUMNS + c));
}

static const struct fim_compare_options plain = { 39, 1 };

static struct fim_comparison compare(struct fim *f, struct fim *g)
{
	struct fim_comparison c;

	check_ok(fim_compare(f, g, &plain, &c));
	return c;
}

/* A file and three times itself: one order, in all things. */
static void fim_compare_same(void)
{
	char *dir = scratch_make();
	struct made *m = calloc(1, sizeof(*m));
	struct fim_comparison c;
	struct fim *f, *g;

	fill(m->w, "a", "b", 1);
	f = make(dir, "f.st", m);
	for (int i = 0; i < COUNT; i++)
		m->w[i] *= 3;
	g = make(dir, "g.st", m);
	c = compare(f, g);
	ck_assert_int_eq(c.nr, 1);
	ck_assert_double_eq_tol(c.pair[0].plain.rho, 1, 1e-12);
	ck_assert_double_eq_tol(c.pair[0].inner.rho, 1, 1e-6);
	ck_assert_double_eq_tol(c.pair[0].ratio, 3, 1e-6);
	ck_assert_double_eq_tol(c.all.plain.rho, 1, 1e-12);
	CHECK(c.pair[0].plain.low <= 1 && c.pair[0].plain.high == 1 && isnan(c.all.plain.low));
	for (int i = 0; i < FIM_CUTS; i++) {
		double k = round(fim_cuts[i] * COUNT);

		ck_assert_double_eq_tol(c.pair[0].jaccard[i], 1, 1e-12);
		ck_assert_double_eq_tol(c.pair[0].chance[i], k / (2 * COUNT - k), 1e-12);
	}
	ck_assert_double_eq_tol(c.pair[0].plain.p, 1.0 / 40, 1e-12);
	CHECK(isnan(c.pair[0].plain.corrected) && c.same_model && c.same_data);
	fim_comparison_free(&c);
	fim_close(f);
	fim_close(g);
	free(m);
	scratch_remove(dir);
}
TEST_REGISTER(fim_compare_same);

/* Backwards, with the overlap of the largest half being none. */
static void fim_compare_reversed(void)
{
	char *dir = scratch_make();
	struct made *m = calloc(1, sizeof(*m));
	struct fim_comparison c;
	struct fim *f, *g;

	for (int i = 0; i < COUNT; i++)
		m->w[i] = 1 + i;
	f = make(dir, "f.st", m);
	for (int i = 0; i < COUNT; i++)
		m->w[i] = COUNT - i;
	g = make(dir, "g.st", m);
	c = compare(f, g);
	ck_assert_double_eq_tol(c.pair[0].plain.rho, -1, 1e-12);
	for (int i = 0; i < FIM_CUTS; i++)
		ck_assert_double_eq_tol(c.pair[0].jaccard[i], 0, 1e-12);
	fim_comparison_free(&c);
	fim_close(f);
	fim_close(g);
	free(m);
	scratch_remove(dir);
}
TEST_REGISTER(fim_compare_reversed);

/*
 * What is inside is found under other rows and columns; and where only rows and columns agree,
 * inside there is nothing, and the null knows it.
 */
static void fim_compare_inner(void)
{
	char *dir = scratch_make();
	struct made *m = calloc(1, sizeof(*m));
	struct fim *f, *inside, *sides;
	struct fim_comparison c;
	const double chance = 1 / sqrt(COUNT - 1.0);

	fill(m->w, "a", "in", 0.5);
	f = make(dir, "f.st", m);
	fill(m->w, "b", "in", 0.5);
	inside = make(dir, "g.st", m);
	fill(m->w, "a", "other", 0.5);
	sides = make(dir, "h.st", m);
	c = compare(f, inside);
	ck_assert_double_gt(c.pair[0].inner.rho, 0.999);
	ck_assert_double_lt(c.pair[0].plain.rho, 0.6);
	ck_assert_double_eq_tol(c.pair[0].inner.p, 1.0 / 40, 1e-12);
	fim_comparison_free(&c);
	c = compare(f, sides);
	ck_assert_double_lt(fabs(c.pair[0].inner.rho), 5 * chance);
	ck_assert_double_gt(c.pair[0].plain.rho, 0.9);
	/* Shuffled rows are still rows: far wider than shuffled elements. */
	ck_assert_double_gt(c.pair[0].plain.null_sd, 2 * chance);
	ck_assert_double_eq_tol(c.pair[0].inner.null_sd, chance, 0.5 * chance);
	fim_comparison_free(&c);
	fim_close(f);
	fim_close(inside);
	fim_close(sides);
	free(m);
	scratch_remove(dir);
}
TEST_REGISTER(fim_compare_inner);

/* Rows and columns of zeros, and single ones, do not matter inside. */
static void fim_compare_zeros(void)
{
	char *dir = scratch_make();
	struct made *m = calloc(1, sizeof(*m));
	struct fim_comparison c;
	struct fim *f, *g;

	fill(m->w, "a", "in", 0.5);
	for (int i = 0; i < COUNT; i++)
		if (i / COLUMNS == 7 || i % COLUMNS == 3)
			m->w[i] = 0;
	f = make(dir, "f.st", m);
	fill(m->w, "b", "in", 0.5);
	for (int i = 0; i < COUNT; i++)
		if (i / COLUMNS == 9 || i == 700)
			m->w[i] = 0;
	g = make(dir, "g.st", m);
	c = compare(f, g);
	ck_assert_double_gt(c.pair[0].inner.rho, 0.98);
	fim_comparison_free(&c);
	memset(m->w, 0, sizeof(m->w));
	fim_close(g);
	g = make(dir, "g.st", m);
	c = compare(f, g);
	CHECK(isnan(c.pair[0].inner.rho) && isnan(c.pair[0].plain.rho));
	ck_assert_double_eq_tol(c.pair[0].ratio, 0, 1e-12);
	fim_comparison_free(&c);
	fim_close(f);
	fim_close(g);
	free(m);
	scratch_remove(dir);
}
TEST_REGISTER(fim_compare_zeros);

/*
 * Halves of which neighbours changed places: rho = 1 - 6 sum d^2 / (n (n^2 - 1)) with d = 1,
 * and the whole is reliable to 2 rho / (1 + rho).  Shrinking moves no rank, nor does it hide
 * the second half.
 */
static void check_reliability(double shrink)
{
	const double n = COUNT, rho = 1 - 6 * n / (n * (n * n - 1)), whole = 2 * rho / (1 + rho);
	char *dir = scratch_make();
	struct made *m = calloc(1, sizeof(*m));
	struct fim_comparison c;
	struct fim *f, *g;

	for (int i = 0; i < COUNT; i++) {
		m->half[i] = 8 * (1 + i);
		m->w[i] = (m->half[i] + 8 * (1 + (i ^ 1))) / 2;
		m->v[i] = 1;
	}
	m->has_half = true;
	m->shrink = shrink;
	f = make(dir, "f.st", m);
	m->has_half = false;
	m->has_v = true;
	m->shrink = 0;
	memcpy(m->w, m->half, sizeof(m->w));
	g = make(dir, "g.st", m);
	c = compare(f, g);
	ck_assert_double_eq_tol(c.pair[0].plain.reliability[0], whole, 1e-9);
	CHECK(isnan(c.pair[0].plain.reliability[1]));
	ck_assert_double_eq_tol(c.pair[0].plain.corrected, c.pair[0].plain.rho / sqrt(whole),
				1e-9);
	ck_assert_int_eq(c.only[0], 0);
	ck_assert_int_eq(c.only[1], 1);
	fim_comparison_free(&c);
	fim_close(f);
	fim_close(g);
	free(m);
	scratch_remove(dir);
}

static void fim_compare_halves(void)
{
	check_reliability(0);
	check_reliability(0.25);
}
TEST_REGISTER(fim_compare_halves);

/* ---- merging ----------------------------------------------------------------------------- */

static struct fim_facts facts(const char *samples, int64_t tokens)
{
	return (struct fim_facts){
		.unit = "sequence", .labels = "observed", .model = "m", .data = "d",
		.samples = (char *)samples, .sequences = tokens / 8, .draws = 1, .batch = 1,
		.context = 8, .squares = tokens / 8, .tokens = tokens, .seed = 1,
	};
}

/* Three files of one sample are the sample: of tokens 8, 24 and 16. */
static void fim_merge_weights(void)
{
	char *dir = scratch_make(), *out = path_join(dir, "m.st");
	struct made *m = calloc(1, sizeof(*m));
	struct fim *f[3], *all;

	m->has_half = true;
	for (int k = 0; k < 3; k++) {
		static const char *const samples[] = { "0-0", "1-3", "4-5" };
		static const int64_t tokens[] = { 8, 24, 16 };

		for (int i = 0; i < COUNT; i++) {
			m->w[i] = (float)(k + 1) * i;
			m->half[i] = (float)(k + 1);
		}
		m->facts = facts(samples[k], tokens[k]);
		f[k] = make(dir, samples[k], m);
	}
	check_ok(fim_merge(f, 3, out));
	check_ok(fim_open(out, &all));
	ck_assert_str_eq(all->facts.samples, "0-0,1-3,4-5");
	ck_assert_int_eq(all->facts.tokens, 48);
	ck_assert_int_eq(all->facts.sequences, 6);
	for (int i = 0; i < COUNT; i++) {
		double factor = (8 * 1 + 24 * 2 + 16 * 3) / 48.0;

		ck_assert_double_eq_tol(fim_value(&all->item[0], FIM_DIAGONAL, i), factor * i,
					1e-6 * i + 1e-30);
		ck_assert_double_eq_tol(fim_value(&all->item[0], FIM_HALF, i), factor, 1e-6);
	}
	check_fails(fim_merge((struct fim *[]){ all, f[1] }, 2, out), -EINVAL,
		    "have samples in common, from number 1 on");
	fim_close(all);
	for (int k = 0; k < 3; k++)
		fim_close(f[k]);
	free(out);
	free(m);
	scratch_remove(dir);
}
TEST_REGISTER(fim_merge_weights);

/* What differs is named. */
static void fim_merge_refused(void)
{
	static const char *const messages[] = {
		"different weights: 'm' and 'x'", "different units: 'sequence' and 'token'",
		"different labels: 'observed' and 'sampled'", "different data: 'd' and 'x'",
		"different contexts: 8 and 9", "different batches: 1 and 2",
		"different seeds: 1 and 2", "have samples in common", "was shrunk: merge first",
		"different numbers of tensors: 1 and 2", "does not say of which samples it is",
		"more tokens than can be counted",
	};
	char *dir = scratch_make(), *out = path_join(dir, "m.st");
	struct made *m = calloc(1, sizeof(*m));
	struct fim *f[2];

	m->facts = facts("0-3", 32);
	f[0] = make(dir, "f.st", m);
	for (int i = 0; i < 12; i++) {
		m->facts = facts("4-7", i == 11 ? FIM_NUMBER_MOST : 32);
		m->facts.model = i == 0 ? "x" : "m";
		m->facts.unit = i == 1 ? "token" : "sequence";
		m->facts.labels = i == 2 ? "sampled" : "observed";
		m->facts.data = i == 3 ? "x" : "d";
		m->facts.context = i == 4 ? 9 : 8;
		m->facts.batch = i == 5 ? 2 : 1;
		m->facts.seed = i == 6 ? 2 : 1;
		m->facts.samples = i == 7 ? "3-6" : i == 10 ? "" : "4-7";
		m->shrink = i == 8 ? 0.5 : 0;
		m->has_v = i == 9;
		f[1] = make(dir, "g.st", m);
		check_fails(fim_merge(f, 2, out), -EINVAL, messages[i]);
		CHECK(!file_exists(out));
		fim_close(f[1]);
	}
	fim_close(f[0]);
	free(out);
	free(m);
	scratch_remove(dir);
}
TEST_REGISTER(fim_merge_refused);
