// SPDX-License-Identifier: MIT
/*
 * Selections against sorting.
 */
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "base/thread.h"
#include "prune/mask.h"
#include "prune/select.h"
#include "tests/unit/test.h"

struct ranked {
	double score;		/* NaN as -2e300, dropped before as -3e300 */
	int64_t at;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->score != y->score)
		return x->score < y->score ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static double plain(float score)
{
	return isnan(score) ? -2e300 : isinf(score) ? (score > 0 ? 1e300 : -1e300) : score;
}

/* The mask that dropping @drop of @nr gives, by sorting; @before may be NULL. */
static uint64_t *sorted_mask(const float *score, const uint64_t *before, int64_t nr, int64_t drop)
{
	struct ranked *r = malloc((nr + 1) * sizeof(*r));
	uint64_t *mask = mask_new(nr);

	for (int64_t i = 0; i < nr; i++)
		r[i] = (struct ranked){ before && !mask_get(before, i) ? -3e300
									 : plain(score[i]), i };
	qsort(r, nr, sizeof(*r), by_rank);
	for (int64_t i = 0; i < drop; i++)
		mask_set(mask, r[i].at, false);
	free(r);
	return mask;
}

/* Numbers of all kinds: many equal ones, both zeros, NaN, infinities, denormal ones. */
static float *odd_scores(int64_t nr, int seed)
{
	struct rng r = rng_stream(seed, "test/scores", 0);
	float *score = malloc((nr + 1) * sizeof(*score));

	for (int64_t i = 0; i < nr; i++) {
		float odd[] = { 0.0f, -0.0f, NAN, INFINITY, -INFINITY, 1e-42f, -1e-42f, 0.5f,
				-0.5f, 3e38f };
		uint64_t kind = rng_below(&r, 3 * i, 30);

		score[i] = kind < 10 ? odd[kind] : kind < 15 ? (float)kind
			 : rng_normal(&r, 3 * i + 1);
	}
	return score;
}

static bool same_masks(const uint64_t *a, const uint64_t *b, int64_t nr)
{
	return !memcmp(a, b, mask_words(nr) * sizeof(*a));
}

static void check_one(const float *score, int64_t nr, int64_t drop)
{
	uint64_t *want = sorted_mask(score, NULL, nr, drop), *got = mask_new(nr);
	struct select_part p = { score, NULL, got, nr };

	for (int threads = 1; threads <= 4; threads *= 2) {
		check_ok(threads_start(threads));
		memset(got, 0x55, mask_words(nr) * sizeof(*got));
		check_ok(select_lowest(&p, 1, drop));
		CHECK(same_masks(want, got, nr));
		CHECK(mask_kept(got, nr) == nr - drop);
	}
	threads_stop();
	free(want);
	free(got);
}

static void prune_select_lowest(void)
{
	static const int64_t sizes[] = { 1, 2, 63, 64, 65, 1000, 131072, 300001 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int64_t nr = sizes[i];
		float *score = odd_scores(nr, (int)i + 1);

		check_one(score, nr, 0);
		check_one(score, nr, nr);
		check_one(score, nr, nr / 2);
		check_one(score, nr, nr / 13);
		check_one(score, nr, nr - 1);
		free(score);
	}
}
TEST_REGISTER(prune_select_lowest);

/* All equal: the first go. */
static void prune_select_equal(void)
{
	int64_t nr = 200000;
	float *score = calloc(nr, sizeof(*score));

	for (int64_t i = 0; i < nr; i++)
		score[i] = i % 2 ? 0.0f : -0.0f;
	check_one(score, nr, 77777);
	free(score);
}
TEST_REGISTER(prune_select_equal);

/* Several parts are one array in pieces. */
static void prune_select_parts(void)
{
	int64_t size[3] = { 1001, 140000, 64 }, nr = size[0] + size[1] + size[2], at = 0;
	float *score = odd_scores(nr, 7);
	struct select_part parts[3];
	uint64_t *want = sorted_mask(score, NULL, nr, nr / 3);

	for (int i = 0; i < 3; at += size[i++])
		parts[i] = (struct select_part){ score + at, NULL, mask_new(size[i]), size[i] };
	check_ok(select_lowest(parts, 3, nr / 3));
	at = 0;
	for (int i = 0; i < 3; i++)
		for (int64_t k = 0; k < size[i]; k++, at++)
			CHECK(mask_get(parts[i].mask, k) == mask_get(want, at));
	for (int i = 0; i < 3; i++)
		free(parts[i].mask);
	free(want);
	free(score);
}
TEST_REGISTER(prune_select_parts);

/* What was dropped stays so, whatever its score, and also if it is more than asked for. */
static void prune_select_monotone(void)
{
	int64_t nr = 5000;
	float *score = odd_scores(nr, 9), *other = odd_scores(nr, 10);
	uint64_t *before = sorted_mask(other, NULL, nr, 1500), *got = mask_new(nr);
	struct select_part p = { score, before, got, nr };
	uint64_t *want = sorted_mask(score, before, nr, 2000);

	check_ok(select_lowest(&p, 1, 2000));
	CHECK(same_masks(want, got, nr));
	CHECK(!mask_regrown(before, got, nr));
	check_ok(select_lowest(&p, 1, 700));
	CHECK(same_masks(before, got, nr));
	select_rows(&p, 50, 20);
	CHECK(!mask_regrown(before, got, nr));
	for (int64_t row = 0; row < nr; row += 50) {
		uint64_t *one = mask_new(50);
		int dropped = 0, kept = 0;

		for (int i = 0; i < 50; i++) {
			dropped += !mask_get(before, row + i);
			kept += mask_get(got, row + i);
		}
		CHECK(kept == 50 - (dropped > 20 ? dropped : 20));
		free(one);
	}
	free(want);
	free(before);
	free(got);
	free(other);
	free(score);
}
TEST_REGISTER(prune_select_monotone);

static void prune_select_rows(void)
{
	static const int64_t cols[] = { 1, 3, 48, 64, 77, 1024 };

	for (size_t i = 0; i < sizeof(cols) / sizeof(cols[0]); i++) {
		int64_t nr = cols[i] * 131, drop = cols[i] / 2;
		float *score = odd_scores(nr, 20 + (int)i);
		uint64_t *got = mask_new(nr);
		struct select_part p = { score, NULL, got, nr };

		check_ok(threads_start(i % 2 ? 4 : 1));
		select_rows(&p, cols[i], drop);
		for (int64_t row = 0; row < 131; row++) {
			uint64_t *want = sorted_mask(score + row * cols[i], NULL, cols[i], drop);

			for (int64_t k = 0; k < cols[i]; k++)
				CHECK(mask_get(got, row * cols[i] + k) == mask_get(want, k));
			free(want);
		}
		threads_stop();
		free(got);
		free(score);
	}
}
TEST_REGISTER(prune_select_rows);

static void prune_select_groups(void)
{
	static const int shapes[][2] = { { 2, 4 }, { 4, 8 }, { 1, 4 }, { 1, 2 }, { 3, 5 } };

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		int keep = shapes[i][0], of = shapes[i][1];
		int64_t nr = (int64_t)of * 3001;
		float *score = odd_scores(nr, 40 + (int)i);
		uint64_t *got = mask_new(nr);
		struct select_part p = { score, NULL, got, nr };

		check_ok(threads_start(1 + (int)i % 3));
		select_groups(&p, keep, of);
		for (int64_t at = 0; at < nr; at += of) {
			uint64_t *want = sorted_mask(score + at, NULL, of, of - keep);

			for (int k = 0; k < of; k++)
				CHECK(mask_get(got, at + k) == mask_get(want, k));
			free(want);
		}
		CHECK(mask_kept(got, nr) == nr / of * keep);
		threads_stop();
		free(got);
		free(score);
	}
}
TEST_REGISTER(prune_select_groups);

static void prune_select_value(void)
{
	float score[] = { 3, -1, 0.5f, -0.0f, 7, -INFINITY, 2 };
	float want[] = { -INFINITY, -1, 0, 0.5f, 2, 3, 7 }, value;
	struct select_part p = { score, NULL, NULL, 7 };

	for (int i = 0; i < 7; i++) {
		check_ok(select_value(&p, 1, i, &value));
		CHECK(value == want[i]);
	}
	CHECK(select_count(0.3, 10) == 3 && select_count(0.5, 5) == 2);
	CHECK(select_count(0.7, 124000000) == 86800000);
}
TEST_REGISTER(prune_select_value);

/* ---- masks --------------------------------------------------------------------------- */

static void prune_mask_counts(void)
{
	uint64_t *a = mask_new(130), *b = mask_new(130);

	CHECK(mask_kept(a, 130) == 130);
	for (int i = 0; i < 130; i++) {
		mask_set(a, i, i % 2);
		mask_set(b, i, i % 3);
	}
	CHECK(mask_kept(a, 130) == 65);
	CHECK(mask_kept(b, 130) == 86);
	CHECK(mask_common(a, b, 130) == 43);
	CHECK(mask_changed(a, b, 130) == 65 + 86 - 2 * 43);
	CHECK(mask_regrown(a, b, 130) == 86 - 43);
	CHECK(fabs(mask_jaccard(65, 86, 43) - 43.0 / 108) < 1e-15);
	CHECK(mask_jaccard(0, 0, 0) == 1);
	free(a);
	free(b);
}
TEST_REGISTER(prune_mask_counts);

/* Kept weights stay what they are bit for bit, NaN and -0 too, whatever the type or address. */
static void prune_mask_apply(void)
{
	static const enum dtype types[] = { DT_F32, DT_F16, DT_BF16, DT_F64 };
	int64_t nr = 70001;
	struct rng r = rng_stream(3, "test/bits", 0);
	uint64_t *mask = mask_new(nr);

	for (int64_t i = 0; i < nr; i++)
		mask_set(mask, i, rng_u32(&r, i) & 1);
	for (int i = 0; i < 8; i++) {
		size_t size = dtype_size(types[i / 2]), shift = i % 2;
		unsigned char *memory = malloc(nr * size + 1), *copy = malloc(nr * size + 1);

		for (size_t k = 0; k < nr * size + 1; k++)
			copy[k] = memory[k] = (unsigned char)rng_u32(&r, nr + k);
		mask_apply(mask, nr, types[i / 2], memory + shift);
		for (int64_t k = 0; k < nr; k++) {
			const unsigned char *now = memory + shift + k * size;
			unsigned char zero[8] = { 0 };

			CHECK(!memcmp(now, mask_get(mask, k) ? copy + shift + k * size : zero,
				      size));
		}
		free(copy);
		free(memory);
	}
	free(mask);
}
TEST_REGISTER(prune_mask_apply);
