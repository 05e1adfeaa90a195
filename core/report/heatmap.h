/* SPDX-License-Identifier: MIT */
/*
 * Heatmaps as SVG: a matrix as cells of one colour, the darker the larger, on a logarithmic
 * scale.  The colours span at least a factor of ten, so that what is nearly equal looks so, and
 * at most a million: what is smaller is the rounding of zeros.
 */
#ifndef REPORT_HEATMAP_H
#define REPORT_HEATMAP_H

#include <stdint.h>

#include "base/strbuf.h"

/** HEATMAP_NAMED - up to so many cells tell their place and value when pointed at. */
#define HEATMAP_NAMED 600

/**
 * struct heatmap - what to draw. Nothing is copied.
 * @rows, @columns: of @value
 * @value: (rows, columns); NaN: nothing is drawn; 0 and below are paler than all others
 * @row_name: (rows), or NULL: rows are numbered
 * @row_end, @column_end: how many rows and columns of the matrix that these cells stand for;
 *	they are written at the ends of the axes
 * @y_title, @x_title: what rows and columns are
 * @unit: of the values
 */
struct heatmap {
	const char *title, *y_title, *x_title, *unit;
	int rows, columns;
	const double *value;
	const char *const *row_name;
	int64_t row_end, column_end;
	int width;		/* in pixels of the page */
};

/** heatmap_draw() - append the heatmap as an <svg>. Return: 0 or -ENOMEM. */
int heatmap_draw(const struct heatmap *h, struct strbuf *out);

/**
 * heatmap_pool() - a large matrix as few cells: the mean of |x| of the elements of each.
 * @x: (n, m)
 * @rows, @columns: at most n and m
 * @value: (rows, columns)
 */
void heatmap_pool(const float *x, int64_t n, int64_t m, int rows, int columns, double *value);

#endif
