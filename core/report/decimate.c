// SPDX-License-Identifier: MIT
#include "report/decimate.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"

/* struct column - what is kept of the points in one pixel column. */
struct column {
	size_t low, high, gap;
	int has_value, has_gap;
};

static void column_add(struct column *c, const double *y, size_t i)
{
	if (isnan(y[i])) {
		c->gap = i;
		c->has_gap = 1;
		return;
	}
	if (!c->has_value || y[i] < y[c->low])
		c->low = i;
	if (!c->has_value || y[i] > y[c->high])
		c->high = i;
	c->has_value = 1;
}

static size_t put(size_t *keep, size_t nr, size_t i)
{
	if (!nr || keep[nr - 1] < i)
		keep[nr++] = i;
	return nr;
}

static int by_index(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return x < y ? -1 : x > y;
}

static size_t column_put(const struct column *c, size_t *keep, size_t nr)
{
	size_t at[3], n = 0;

	if (c->has_value) {
		at[n++] = c->low;
		at[n++] = c->high;
	}
	if (c->has_gap)
		at[n++] = c->gap;
	qsort(at, n, sizeof(*at), by_index);
	for (size_t i = 0; i < n; i++)
		nr = put(keep, nr, at[i]);
	return nr;
}

static long column_of(double x, double lo, double hi, int columns)
{
	double at = hi > lo ? (x - lo) / (hi - lo) * columns : 0;

	return at < 0 ? 0 : at >= columns ? columns - 1 : (long)at;
}

size_t decimate(const double *x, const double *y, size_t nr, double lo, double hi, int columns,
		size_t *keep)
{
	struct column c = { 0 };
	size_t kept = 0;
	long now = 0;

	if (nr <= 2 * (size_t)columns) {
		for (size_t i = 0; i < nr; i++)
			keep[i] = i;
		return nr;
	}
	kept = put(keep, kept, 0);
	for (size_t i = 0; i < nr; i++) {
		long at = column_of(x[i], lo, hi, columns);

		if (at != now) {
			kept = column_put(&c, keep, kept);
			c = (struct column){ 0 };
			now = at;
		}
		column_add(&c, y, i);
	}
	kept = column_put(&c, keep, kept);
	return put(keep, kept, nr - 1);
}

int smooth(const double *y, size_t nr, size_t half, double *out)
{
	double *sum = calloc(nr + 1, sizeof(*sum));	/* of what is before each */
	size_t *count = calloc(nr + 1, sizeof(*count));
	int ret = sum && count ? 0 : fail_nomem((nr + 1) * sizeof(*sum), "a curve");

	for (size_t i = 0; i < nr && !ret; i++) {
		sum[i + 1] = sum[i] + (isnan(y[i]) ? 0 : y[i]);
		count[i + 1] = count[i] + !isnan(y[i]);
	}
	for (size_t i = 0; i < nr && !ret; i++) {
		size_t h = i < half ? i : half;

		h = nr - 1 - i < h ? nr - 1 - i : h;
		out[i] = isnan(y[i]) ? NAN : (sum[i + h + 1] - sum[i - h]) /
			 (double)(count[i + h + 1] - count[i - h]);
	}
	free(count);
	free(sum);
	return ret;
}
