// SPDX-License-Identifier: MIT
#include "stats/holm.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"

struct entry {
	double p;
	int at;
};

/* NaN at the end, where those with p = 1 are. */
static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int nan = !!isnan(x->p) - !!isnan(y->p);

	return nan ? nan : x->p < y->p ? -1 : x->p > y->p;
}

int stats_holm(const double *p, int m, double *adjusted)
{
	struct entry *sorted = malloc((size_t)m * sizeof(*sorted) + 1);
	double most = 0;

	if (!sorted)
		return fail_nomem((size_t)m * sizeof(*sorted), "an adjustment");
	for (int i = 0; i < m; i++)
		sorted[i] = (struct entry){ p[i], i };
	qsort(sorted, (size_t)m, sizeof(*sorted), compare);
	for (int i = 0; i < m; i++) {
		most = fmax(most, fmin(1, (m - i) * sorted[i].p));
		adjusted[sorted[i].at] = isnan(sorted[i].p) ? NAN : most;
	}
	free(sorted);
	return 0;
}
