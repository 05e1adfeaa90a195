/* SPDX-License-Identifier: MIT */
/*
 * Gains with their intervals, one in a row, against 0 and the smallest gain worth claiming
 * (a forest plot).
 */
#ifndef REPORT_FOREST_H
#define REPORT_FOREST_H

#include <stdbool.h>

#include "base/strbuf.h"

/**
 * struct forest_row - one gain.
 * @value: NaN: none
 * @low, @high: its interval; NaN: none; infinite ends go to the edge
 * @points: (nr_points) of what it is the mean of; NaN are passed over
 * @note: at the right
 */
struct forest_row {
	const char *label, *note;
	double value, low, high;
	const double *points;
	int nr_points;
	int colour;
	bool strong;
};

/**
 * struct forest - what to draw.
 * @delta: dashed lines at it and at -@delta; 0: none
 */
struct forest {
	const char *title, *x_title;
	double delta;
	int width;
	const struct forest_row *rows;
	int nr;
};

/** forest_draw() - append it as an <svg>; without any value it says so. */
void forest_draw(const struct forest *f, struct strbuf *out);

#endif
