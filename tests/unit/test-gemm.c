// SPDX-License-Identifier: MIT
#include "arch/cpu/gemm.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "arch/cpu/gemm-library.h"
#include "arch/cpu/simd.h"
#include "base/thread.h"
#include "tests/unit/test.h"

#define PAD 3	/* unused columns behind each row of C, which must stay as they were */

/* How an operand lies in memory. */
enum order { ROWS, COLUMNS, GAPS };

struct product {
	struct gemm g;
	float *a, *b, *c, *bias, *scratch;
	double *want;
	double scale;
};

/* Small numbers in [-1, 1) that repeat late; speed matters more than quality. */
static float *numbers(int64_t n, uint32_t seed)
{
	float *x = malloc((n + 1) * sizeof(*x));
	uint32_t s = seed * 2654435761u + 1;

	ck_assert_ptr_nonnull(x);
	for (int64_t i = 0; i < n; i++) {
		s = s * 1664525u + 1013904223u;
		x[i] = (float)(s >> 8) * 0x1p-23f - 1;
	}
	return x;
}

static void set_strides(enum order order, int64_t rows, int64_t cols, int64_t *row, int64_t *col)
{
	*row = order == ROWS ? cols : order == COLUMNS ? 1 : 2 * cols + 1;
	*col = order == ROWS ? 1 : order == COLUMNS ? rows : 2;
}

static void compute_want(struct product *p)
{
	const struct gemm *g = &p->g;

	p->scale = 0;
	for (int64_t i = 0; i < g->m; i++)
		for (int64_t j = 0; j < g->n; j++) {
			double x = 0;

			for (int64_t k = 0; k < g->k; k++)
				x += (double)p->a[i * g->a_row + k * g->a_col] *
				     p->b[k * g->b_row + j * g->b_col];
			x += (g->bias ? g->bias[j] : 0) +
			    (g->add ? p->c[i * g->c_row + j] : 0);
			p->want[i * g->n + j] = x;
			p->scale = fmax(p->scale, fabs(x));
		}
}

static void product_make(struct product *p, int64_t m, int64_t n, int64_t k, enum order a,
			 enum order b, int variant)
{
	struct gemm *g = &p->g;

	memset(p, 0, sizeof(*p));
	*g = (struct gemm){ .m = m, .n = n, .k = k, .c_row = n + PAD };
	set_strides(a, m, k, &g->a_row, &g->a_col);
	set_strides(b, k, n, &g->b_row, &g->b_col);
	g->a = p->a = numbers(2 * m * k + 2 * m + k, 1);
	g->b = p->b = numbers(2 * k * n + 2 * k + n, 2);
	p->bias = numbers(n, 3);
	p->c = numbers(m * g->c_row, 4);
	p->want = malloc(m * n * sizeof(double));
	p->scratch = malloc(gemm_scratch(m, n, k, DT_F32));
	g->scratch = p->scratch;
	if (variant & 1)
		g->bias = p->bias;
	if (variant & 2)
		g->add = true;
	compute_want(p);
	/* What is overwritten may hold anything. */
	for (int64_t i = 0; i < m * g->c_row && !g->add; i++)
		p->c[i] = NAN;
}

static void product_free(struct product *p)
{
	free(p->a);
	free(p->b);
	free(p->c);
	free(p->bias);
	free(p->scratch);
	free(p->want);
}

/* Run it into fresh memory, which is returned. */
static float *product_run(const struct product *p)
{
	size_t bytes = p->g.m * p->g.c_row * sizeof(float);
	struct gemm g = p->g;

	g.c = malloc(bytes);
	ck_assert_ptr_nonnull(g.c);
	memcpy(g.c, p->c, bytes);
	check_ok(gemm_run(&g));
	return g.c;
}

static void check_result(const struct product *p, const float *c)
{
	const struct gemm *g = &p->g;
	double tolerance = 8 * 0x1p-24 * sqrt((double)g->k) * p->scale;

	for (int64_t i = 0; i < g->m; i++) {
		for (int64_t j = 0; j < g->n; j++) {
			double got = c[i * g->c_row + j], want = p->want[i * g->n + j];

			ck_assert_msg(fabs(got - want) <= tolerance,
				      "%lldx%lldx%lld at (%lld, %lld): %.9g, not %.9g",
				      (long long)g->m, (long long)g->n, (long long)g->k,
				      (long long)i, (long long)j, got, want);
		}
		ck_assert_msg(!memcmp(c + i * g->c_row + g->n, p->c + i * g->c_row + g->n,
				      PAD * sizeof(*c)), "wrote beyond row %lld", (long long)i);
	}
}

static void check_product(int64_t m, int64_t n, int64_t k, enum order a, enum order b, int variant)
{
	struct product p;
	float *c;

	product_make(&p, m, n, k, a, b, variant);
	c = product_run(&p);
	check_result(&p, c);
	free(c);
	product_free(&p);
}

static const int64_t sizes[][3] = {
	{ 1, 1, 1 }, { 1, 1, 0 }, { 3, 5, 0 }, { 1, 67, 70 }, { 4, 33, 129 }, { 8, 9, 31 },
	{ 9, 32, 8 }, { 2, 3, 5 }, { 12, 32, 256 }, { 13, 33, 257 }, { 11, 31, 255 },
	{ 5, 1, 300 }, { 24, 64, 7 }, { 97, 101, 103 }, { 192, 40, 16 }, { 193, 65, 17 },
	{ 7, 513, 30 }, { 30, 1030, 9 }, { 400, 130, 24 },
};

/* Every instruction set, order of memory and variant, around all edges of tiles. */
static void check_sizes(enum simd_level level)
{
	simd_limit(level);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (int way = 0; way < 9; way++)
			check_product(sizes[s][0], sizes[s][1], sizes[s][2], way % 3, way / 3,
				      (int)(s + way) % 4);
}

START_TEST(plain)
{
	check_sizes(SIMD_LEVEL_PLAIN);
}
END_TEST

START_TEST(avx2)
{
	check_sizes(SIMD_LEVEL_AVX2);
}
END_TEST

START_TEST(avx512)
{
	check_sizes(SIMD_LEVEL_AVX512);
}
END_TEST

/* Long k, wide sides: several blocks, and parts of the shared operand. */
START_TEST(parts)
{
	for (int variant = 0; variant < 4; variant++) {
		check_product(64, 48, 4100, COLUMNS, ROWS, variant);
		check_product(3, 130, 5000, ROWS, COLUMNS, variant);
	}
	check_product(130, 70, 9001, COLUMNS, ROWS, 3);
	check_product(60, 2900, 800, ROWS, COLUMNS, 3);
	check_product(300, 290, 8000, ROWS, ROWS, 1);
}
END_TEST

static const struct {
	int64_t m, n, k;
	enum order a, b;
} shapes[] = {
	{ 500, 300, 130, ROWS, COLUMNS },	/* a layer */
	{ 500, 130, 300, ROWS, ROWS },		/* its dx */
	{ 70, 90, 4500, COLUMNS, ROWS },	/* its dW */
	{ 2, 900, 700, ROWS, COLUMNS },		/* decoding */
	{ 1, 64, 9000, ROWS, COLUMNS },
};

/* Again, under other circumstances: the bits must be those of the first run. */
static void check_same(const struct product *p, const float *first, const char *what)
{
	float *c = product_run(p);

	ck_assert_msg(!memcmp(c, first, p->g.m * p->g.c_row * sizeof(*c)), "other bits %s", what);
	free(c);
}

START_TEST(same_bits)
{
	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		struct product p;
		float *first;

		product_make(&p, shapes[s].m, shapes[s].n, shapes[s].k, shapes[s].a, shapes[s].b,
			     3);
		simd_limit(SIMD_LEVEL_AVX512);
		first = product_run(&p);
		check_result(&p, first);
		for (int threads = 1; threads <= 4; threads++) {
			check_ok(threads_start(threads));
			check_same(&p, first, "with other threads");
		}
		threads_stop();
		if (simd_level() >= SIMD_LEVEL_AVX2) {
			simd_limit(SIMD_LEVEL_AVX2);
			check_same(&p, first, "with AVX2");
		}
		free(first);
		product_free(&p);
	}
}
END_TEST

#define CALLERS 8

static void *call_often(void *arg)
{
	const struct product *p = arg;

	for (int i = 0; i < 20; i++) {
		struct product mine = *p;

		mine.g.scratch = malloc(gemm_scratch(p->g.m, p->g.n, p->g.k, DT_F32));
		arg = product_run(&mine);
		free(mine.g.scratch);
		if (i < 19)
			free(arg);
	}
	return arg;
}

/* Many callers at once, each with a thread of its own: a library may not mix them up. */
static void check_callers(const struct product *p)
{
	float *first = product_run(p), *c[CALLERS];
	pthread_t id[CALLERS];

	check_result(p, first);
	for (int i = 0; i < CALLERS; i++)
		ck_assert(!pthread_create(&id[i], NULL, call_often, (void *)p));
	for (int i = 0; i < CALLERS; i++) {
		ck_assert(!pthread_join(id[i], (void **)&c[i]));
		ck_assert_msg(!memcmp(c[i], first, p->g.m * p->g.c_row * sizeof(*first)),
			      "other bits in thread %d of %d", i + 1, CALLERS);
		free(c[i]);
	}
	free(first);
}

START_TEST(many_callers)
{
	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		struct product p;

		product_make(&p, shapes[s].m, shapes[s].n, shapes[s].k, shapes[s].a, shapes[s].b,
			     1);
		check_ok(threads_start(2));
		check_callers(&p);
		threads_stop();
		product_free(&p);
	}
}
END_TEST

/* Where a library was built in, the code that it stands for is tested as well. */
START_TEST(without_library)
{
	gemm_library_limit(true);
	check_product(300, 290, 800, ROWS, ROWS, 1);
	check_product(70, 90, 4500, COLUMNS, ROWS, 3);
	gemm_library_limit(false);
}
END_TEST

/* Enough scratch for every size up to the maxima: gemm_run() may not need more. */
START_TEST(scratch_grows)
{
	static const int64_t at[] = { 1, 63, 64, 200, 700, 2048, 5000 };

	for (int i = 0; i < 7; i++)
		for (int j = 1; j < 7; j++)
			for (int k = 1; k < 7; k++) {
				size_t all = gemm_scratch(at[i], at[j], at[k], DT_F32);

				ck_assert(gemm_scratch(at[i], at[j], at[k - 1], DT_F32) <= all);
				ck_assert(gemm_scratch(at[i], at[j - 1], at[k], DT_F32) <= all);
			}
}
END_TEST

static void add(TCase *tc)
{
	tcase_set_timeout(tc, 120);	/* sanitizers are slow */
	tcase_add_test(tc, plain);
	tcase_add_test(tc, avx2);
	tcase_add_test(tc, avx512);
	tcase_add_test(tc, parts);
	tcase_add_test(tc, same_bits);
	tcase_add_test(tc, many_callers);
	tcase_add_test(tc, without_library);
	tcase_add_test(tc, scratch_grows);
}
TEST_REGISTER(gemm, add);
