// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tests/unit/test.h"

/* kat_vectors of Random123, philox4x32 with 10 rounds. */
static const struct {
	uint32_t counter[4], key[2], out[4];
} vectors[] = {
	{ { 0, 0, 0, 0 }, { 0, 0 },
	  { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
	{ { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff }, { 0xffffffff, 0xffffffff },
	  { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
	{ { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 }, { 0xa4093822, 0x299f31d0 },
	  { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
};

START_TEST(known_answers)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		const uint32_t *c = vectors[i].counter;
		struct rng r = { .key = { vectors[i].key[0], vectors[i].key[1] },
				 .step = { c[2], c[3] } };
		uint32_t out[4];

		rng_block(&r, (uint64_t)c[1] << 32 | c[0], out);
		ck_assert_mem_eq(out, vectors[i].out, sizeof(out));
	}
}
END_TEST

/* Seed, purpose and step each change all numbers; nothing else does. */
START_TEST(streams)
{
	struct rng a = rng_stream(1, "init/a", 0), b = rng_stream(1, "init/a", 0);
	struct rng others[] = { rng_stream(2, "init/a", 0), rng_stream(1, "init/b", 0),
				rng_stream(1, "init/a", 1),
				rng_stream(1, "init/a", (uint64_t)1 << 32) };

	for (int i = 0; i < 100; i++)
		ck_assert_uint_eq(rng_u32(&a, i), rng_u32(&b, i));
	for (int k = 0; k < 4; k++) {
		int same = 0;

		for (int i = 0; i < 1000; i++)
			same += rng_u32(&a, i) == rng_u32(&others[k], i);
		ck_assert_int_lt(same, 2);
	}
}
END_TEST

START_TEST(words_of_a_block)
{
	struct rng r = rng_stream(7, "words", 3);
	uint32_t block[4];

	rng_block(&r, 25, block);
	for (int i = 0; i < 4; i++)
		ck_assert_uint_eq(rng_u32(&r, 100 + i), block[i]);
}
END_TEST

/* Moments within five standard errors, which a sound generator leaves once in 10^6. */
START_TEST(uniform)
{
	struct rng r = rng_stream(11, "uniform", 0);
	enum { N = 200000, BINS = 64 };
	int bins[BINS] = { 0 };
	double sum = 0, sum2 = 0, chi2 = 0;

	for (int i = 0; i < N; i++) {
		double u = rng_uniform(&r, i);

		ck_assert(u >= 0 && u < 1);
		sum += u;
		sum2 += u * u;
		bins[(int)(u * BINS)]++;
	}
	ck_assert_double_eq_tol(sum / N, 0.5, 5 * sqrt(1.0 / 12 / N));
	ck_assert_double_eq_tol(sum2 / N, 1.0 / 3, 5 * sqrt(4.0 / 45 / N));
	for (int i = 0; i < BINS; i++)
		chi2 += pow(bins[i] - (double)N / BINS, 2) / ((double)N / BINS);
	ck_assert_double_eq_tol(chi2, BINS - 1, 5 * sqrt(2.0 * (BINS - 1)));
}
END_TEST

START_TEST(normal)
{
	struct rng r = rng_stream(11, "normal", 0);
	enum { N = 200000 };
	double m[5] = { 0 }, lag = 0, last = 0;

	for (int i = 0; i < N; i++) {
		double z = rng_normal(&r, i);

		ck_assert(isfinite(z));
		for (int k = 1; k <= 4; k++)
			m[k] += pow(z, k) / N;
		lag += z * last / N;
		last = z;
	}
	/* The variance of z^k is E[z^2k] - E[z^k]^2. */
	ck_assert_double_eq_tol(m[1], 0, 5 * sqrt(1.0 / N));
	ck_assert_double_eq_tol(m[2], 1, 5 * sqrt(2.0 / N));
	ck_assert_double_eq_tol(m[3], 0, 5 * sqrt(15.0 / N));
	ck_assert_double_eq_tol(m[4], 3, 5 * sqrt(96.0 / N));
	ck_assert_double_eq_tol(lag, 0, 5 * sqrt(1.0 / N));
}
END_TEST

START_TEST(below)
{
	struct rng r = rng_stream(5, "below", 0);
	int bins[7] = { 0 };

	for (int i = 0; i < 70000; i++) {
		uint64_t v = rng_below(&r, i, 7);

		ck_assert_uint_lt(v, 7);
		bins[v]++;
	}
	for (int i = 0; i < 7; i++)
		ck_assert_int_lt(abs(bins[i] - 10000), 500);
	ck_assert_uint_eq(rng_below(&r, 0, 1), 0);
	ck_assert_uint_lt(rng_below(&r, 3, UINT64_MAX), UINT64_MAX);
}
END_TEST

START_TEST(permutation)
{
	static const uint64_t sizes[] = { 1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 100, 255, 256,
					  257, 1000, 4096, 5000 };
	static char seen[5000];

	for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
		struct rng r = rng_stream(k, "permute", 0);

		memset(seen, 0, sizeof(seen));
		for (uint64_t i = 0; i < sizes[k]; i++) {
			uint64_t to = rng_permute(&r, i, sizes[k]);

			ck_assert_uint_lt(to, sizes[k]);
			ck_assert_msg(!seen[to], "n %d: %d comes twice", (int)sizes[k], (int)to);
			seen[to] = 1;
		}
	}
}
END_TEST

/* It must also shuffle: few fixed points, another order for another step. */
START_TEST(permutation_mixes)
{
	struct rng a = rng_stream(1, "permute", 0), b = rng_stream(1, "permute", 1);
	int fixed = 0, same = 0;

	for (int i = 0; i < 10000; i++) {
		uint64_t to = rng_permute(&a, i, 10000);

		fixed += to == (uint64_t)i;
		same += to == rng_permute(&b, i, 10000);
	}
	ck_assert_int_lt(fixed, 10);
	ck_assert_int_lt(same, 10);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, known_answers);
	tcase_add_test(tc, streams);
	tcase_add_test(tc, words_of_a_block);
	tcase_add_test(tc, uniform);
	tcase_add_test(tc, normal);
	tcase_add_test(tc, below);
	tcase_add_test(tc, permutation);
	tcase_add_test(tc, permutation_mixes);
}
TEST_REGISTER(rng, add);
