// SPDX-License-Identifier: MIT
#include "stats/correlation.h"

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/rng.h"
#include "base/thread.h"
#include "stats/mean.h"
#include "stats/normal.h"
#include "stats/rank.h"

void stats_rho_interval(double rho, size_t n, double level, double *low, double *high)
{
	double z = atanh(rho), reach = n < 4 ? INFINITY :
		stats_normal_quantile((1 + level) / 2) *
		sqrt((1 + rho * rho / 2) / ((double)n - 3));

	*low = n < 4 ? -1 : tanh(z - reach);
	*high = n < 4 ? 1 : tanh(z + reach);
}

/* struct job - what the threads share; tile d is draw d. */
struct job {
	const uint32_t *a, *b;
	size_t n;
	uint64_t seed;
	double *drawn;
	atomic_bool no_memory;
};

/* Fisher and Yates; the bias of a product instead of a remainder is n / 2^32. */
static void shuffle(uint32_t *x, size_t n, const struct rng *r)
{
	uint32_t words[4];

	for (size_t i = n - 1, w = 0; i > 0; i--, w++) {
		size_t k;
		uint32_t kept = x[i];

		if (w % 4 == 0)
			rng_block(r, w / 4, words);
		k = (words[w % 4] * (uint64_t)(i + 1)) >> 32;
		x[i] = x[k];
		x[k] = kept;
	}
}

static void draw(void *ctx, long tile)
{
	struct job *j = ctx;
	struct rng r = rng_stream(j->seed, "permutation", (uint64_t)tile);
	uint32_t *b = malloc(j->n * sizeof(*b));

	if (!b) {
		j->no_memory = true;
		return;
	}
	memcpy(b, j->b, j->n * sizeof(*b));
	shuffle(b, j->n, &r);
	j->drawn[tile] = stats_rank_correlation(j->a, b, j->n);
	free(b);
}

static void conclude(const struct job *j, int draws, struct stats_null *null)
{
	struct stats_estimate e = stats_mean(j->drawn, (size_t)draws);
	int as_far = 0;

	for (int d = 0; d < draws; d++)
		as_far += fabs(j->drawn[d]) >= fabs(null->rho);
	null->mean = e.value;
	null->sd = e.error * sqrt(draws);
	null->p = isnan(null->rho) ? NAN : (1.0 + as_far) / (1.0 + draws);
	null->draws = draws;
}

int stats_rho_null(const uint32_t *twice_a, const uint32_t *twice_b, size_t n, uint64_t seed,
		   int draws, struct stats_null *null)
{
	struct job j = { .a = twice_a, .b = twice_b, .n = n, .seed = seed };
	int ret = 0;

	if (n < 2 || n > RANK_MAX || draws < 1)
		return fail(-EINVAL, "a permutation null of %zu elements, %d draws", n, draws);
	j.drawn = calloc((size_t)draws, sizeof(*j.drawn));
	if (!j.drawn)
		return fail_nomem((size_t)draws * sizeof(*j.drawn), "a permutation null");
	null->rho = stats_rank_correlation(twice_a, twice_b, n);
	threads_run(draws, draw, &j);
	if (j.no_memory)
		ret = fail_nomem(n * sizeof(*twice_a), "a permutation null");
	else
		conclude(&j, draws, null);
	free(j.drawn);
	return ret;
}

double stats_spearman_brown(double r)
{
	return 2 * r / (1 + r);
}

double stats_disattenuate(double r, double reliability_a, double reliability_b)
{
	if (!(reliability_a > 0 && reliability_b > 0))
		return NAN;
	return r / sqrt(reliability_a * reliability_b);
}
