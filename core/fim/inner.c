// SPDX-License-Identifier: MIT
#include "fim/inner.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/* Which rows and columns have something in @x? Those that have not are cleared. */
static int mark(const float *x, int64_t rows, int64_t columns, bool *row, bool *column)
{
	bool *seen = calloc(columns, 1);

	if (!seen)
		return fail_nomem(columns, "marks of columns");
	for (int64_t r = 0; r < rows; r++) {
		bool any = false;

		for (int64_t c = 0; c < columns; c++)
			if (x[r * columns + c] > 0) {
				any = true;
				seen[c] = true;
			}
		row[r] = row[r] && any;
	}
	for (int64_t c = 0; c < columns; c++)
		column[c] = column[c] && seen[c];
	free(seen);
	return 0;
}

static int64_t count(const bool *kept, int64_t n)
{
	int64_t nr = 0;

	for (int64_t i = 0; i < n; i++)
		nr += kept[i];
	return nr;
}

/* In place: what is kept moves to the front. */
static void compact(float *x, int64_t rows, int64_t columns, const bool *row, const bool *column)
{
	float *to = x;

	for (int64_t r = 0; r < rows; r++)
		for (int64_t c = 0; c < columns; c++)
			if (row[r] && column[c])
				*to++ = x[r * columns + c];
}

static void take_logs(float *x, int64_t n)
{
	float least = INFINITY;

	for (int64_t i = 0; i < n; i++)
		if (x[i] > 0 && x[i] < least)
			least = x[i];
	for (int64_t i = 0; i < n; i++)
		x[i] = (float)log(x[i] > 0 ? x[i] : (double)least / 2);
}

static int centre(float *x, int64_t rows, int64_t columns)
{
	double *row = calloc(rows + 1, sizeof(*row));
	double *column = calloc(columns + 1, sizeof(*column)), mean = 0;

	if (!row || !column) {
		free(row);
		free(column);
		return fail_nomem((rows + columns) * sizeof(*row), "means of rows and columns");
	}
	for (int64_t r = 0; r < rows; r++)
		for (int64_t c = 0; c < columns; c++) {
			row[r] += x[r * columns + c];
			column[c] += x[r * columns + c];
		}
	for (int64_t r = 0; r < rows; r++)
		mean += row[r] / (double)rows / (double)columns;
	for (int64_t r = 0; r < rows; r++)
		for (int64_t c = 0; c < columns; c++)
			x[r * columns + c] = (float)(x[r * columns + c] - row[r] / (double)columns -
						     column[c] / (double)rows + mean);
	free(row);
	free(column);
	return 0;
}

static int one(float *x, const int64_t was[2], const int64_t now[2], const bool *row,
	       const bool *column)
{
	compact(x, was[0], was[1], row, column);
	take_logs(x, now[0] * now[1]);
	return centre(x, now[0], now[1]);
}

int inner_pair(float **a, float **b, int64_t *rows, int64_t *columns)
{
	int64_t was[2] = { *rows, *columns }, now[2];
	bool *row = malloc(was[0]), *column = malloc(was[1]);
	int ret = row && column ? 0 : fail_nomem(was[0] + was[1], "marks of rows and columns");

	if (!ret) {
		memset(row, true, was[0]);
		memset(column, true, was[1]);
		ret = mark(*a, was[0], was[1], row, column);
	}
	if (!ret)
		ret = mark(*b, was[0], was[1], row, column);
	if (!ret) {
		*rows = now[0] = count(row, was[0]);
		*columns = now[1] = count(column, was[1]);
		ret = one(*a, was, now, row, column);
	}
	if (!ret)
		ret = one(*b, was, now, row, column);
	free(row);
	free(column);
	return ret;
}
