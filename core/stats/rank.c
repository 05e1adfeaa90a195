// SPDX-License-Identifier: MIT
#include "stats/rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

#define DIGIT	11	/* bits: three passes, and counters that fit the first cache */
#define VALUES	(1 << DIGIT)
#define PASSES	3

/* Bits that compare as whole numbers as the floats do; -0 is 0. */
static uint32_t key_of(float x)
{
	uint32_t bits;

	x += 0.0f;
	memcpy(&bits, &x, sizeof(bits));
	return bits >> 31 ? ~bits : bits | 0x80000000u;
}

/* One pass: @from to @to by the digit at @shift, stably. */
static void sort_pass(const uint64_t *from, uint64_t *to, size_t n, int shift)
{
	size_t at[VALUES] = { 0 }, sum = 0;

	for (size_t i = 0; i < n; i++)
		at[from[i] >> shift & (VALUES - 1)]++;
	for (int v = 0; v < VALUES; v++) {
		size_t count = at[v];

		at[v] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[at[from[i] >> shift & (VALUES - 1)]++] = from[i];
}

static int check(const float *x, size_t n)
{
	if (n > RANK_MAX)
		return fail(-E2BIG, "ranks of %zu elements: at most %zu", n, RANK_MAX);
	for (size_t i = 0; i < n; i++)
		if (isnan(x[i]))
			return fail(-EDOM, "ranks: element %zu is NaN", i);
	return 0;
}

int stats_order(const float *x, size_t n, uint32_t *order)
{
	uint64_t *a, *b;
	int ret = check(x, n);

	if (ret)
		return ret;
	a = malloc(2 * n * sizeof(*a) + 1);
	if (!a)
		return fail_nomem(2 * n * sizeof(*a), "a sort");
	b = a + n;
	for (size_t i = 0; i < n; i++)
		a[i] = (uint64_t)key_of(x[i]) << 32 | i;
	for (int pass = 0; pass < PASSES; pass++)
		sort_pass(pass & 1 ? b : a, pass & 1 ? a : b, n, 32 + pass * DIGIT);
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)b[i];
	free(a);
	return 0;
}

void stats_ranks(const float *x, const uint32_t *order, size_t n, uint32_t *twice)
{
	size_t end;

	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n && x[order[end]] == x[order[i]]; )
			end++;
		/* Ranks i + 1 to end: twice their mean. */
		for (size_t k = i; k < end; k++)
			twice[order[k]] = (uint32_t)(i + 1 + end);
	}
}

double stats_rank_correlation(const uint32_t *twice_a, const uint32_t *twice_b, size_t n)
{
	double middle = (double)n + 1, aa = 0, bb = 0, ab = 0, r;

	for (size_t i = 0; i < n; i++) {
		double a = twice_a[i] - middle, b = twice_b[i] - middle;

		aa += a * a;
		bb += b * b;
		ab += a * b;
	}
	r = n < 2 ? NAN : ab / (sqrt(aa) * sqrt(bb));
	return r > 1 ? 1 : r < -1 ? -1 : r;
}

/* Ranks of @x into @twice, with @order for scratch. */
static int rank(const float *x, size_t n, uint32_t *order, uint32_t *twice)
{
	int ret = stats_order(x, n, order);

	if (!ret)
		stats_ranks(x, order, n, twice);
	return ret;
}

int stats_spearman(const float *a, const float *b, size_t n, double *rho)
{
	uint32_t *order = malloc(3 * n * sizeof(*order) + 1), *ra = order + n, *rb = ra + n;
	int ret;

	if (!order)
		return fail_nomem(3 * n * sizeof(*order), "ranks");
	ret = rank(a, n, order, ra);
	if (!ret)
		ret = rank(b, n, order, rb);
	if (!ret)
		*rho = stats_rank_correlation(ra, rb, n);
	free(order);
	return ret;
}

int stats_overlap(const uint32_t *order_a, const uint32_t *order_b, size_t n, size_t k,
		  double *jaccard)
{
	unsigned char *in;
	size_t both = 0;

	if (k < 1 || k > n)
		return fail(-EINVAL, "the top %zu of %zu elements", k, n);
	in = calloc(n / 8 + 1, 1);
	if (!in)
		return fail_nomem(n / 8 + 1, "an overlap");
	for (size_t i = n - k; i < n; i++)
		in[order_a[i] / 8] |= (unsigned char)(1 << order_a[i] % 8);
	for (size_t i = n - k; i < n; i++)
		both += in[order_b[i] / 8] >> order_b[i] % 8 & 1;
	free(in);
	*jaccard = (double)both / (double)(2 * k - both);
	return 0;
}

double stats_overlap_chance(size_t n, size_t k)
{
	return (double)k / (2 * (double)n - (double)k);
}
