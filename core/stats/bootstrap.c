// SPDX-License-Identifier: MIT
#include "stats/bootstrap.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/rng.h"
#include "base/thread.h"
#include "stats/quantile.h"

/* struct job - what the threads share; tile d is draw d. */
struct job {
	const double *x;
	size_t units;
	int columns;
	double (*statistic)(const double *sums, size_t units);
	uint64_t seed;
	double *drawn;
};

static void draw(void *ctx, long tile)
{
	struct job *j = ctx;
	struct rng r = rng_stream(j->seed, "bootstrap", tile);
	double sums[STATS_COLUMNS_MAX] = { 0 };
	uint32_t words[4];

	for (size_t i = 0; i < j->units; i++) {
		const double *row;

		if (i % 4 == 0)
			rng_block(&r, i / 4, words);
		row = j->x + ((words[i % 4] * (uint64_t)j->units) >> 32) * j->columns;
		for (int c = 0; c < j->columns; c++)
			sums[c] += row[c];
	}
	j->drawn[tile] = j->statistic(sums, j->units);
}

static double of_all(const struct job *j)
{
	double sums[STATS_COLUMNS_MAX] = { 0 };

	for (size_t i = 0; i < j->units; i++)
		for (int c = 0; c < j->columns; c++)
			sums[c] += j->x[i * j->columns + c];
	return j->statistic(sums, j->units);
}

int stats_bootstrap(const double *x, size_t units, int columns,
		    double (*statistic)(const double *sums, size_t units),
		    const struct bootstrap *b, struct stats_interval *interval)
{
	struct job j = { x, units, columns, statistic, b->seed, NULL };
	double tail = (1 - b->level) / 2, below = 0;

	BUG_ON(columns < 1 || columns > STATS_COLUMNS_MAX || b->draws < 1);
	if (!units || units > UINT32_MAX)
		return fail(-EINVAL, "bootstrap: %zu units", units);
	j.drawn = malloc(b->draws * sizeof(*j.drawn));
	if (!j.drawn)
		return fail_nomem(b->draws * sizeof(*j.drawn), "a bootstrap");
	threads_run(b->draws, draw, &j);
	for (int d = 0; d < b->draws; d++)
		below += j.drawn[d] < 0 ? 1 : j.drawn[d] == 0 ? 0.5 : 0;
	stats_sort(j.drawn, b->draws);
	*interval = (struct stats_interval){
		.value = of_all(&j),
		.low = stats_quantile(j.drawn, b->draws, tail),
		.high = stats_quantile(j.drawn, b->draws, 1 - tail),
		.below = below / b->draws,
	};
	free(j.drawn);
	return 0;
}
