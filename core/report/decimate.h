/* SPDX-License-Identifier: MIT */
/*
 * Making long curves short without hiding anything.
 */
#ifndef REPORT_DECIMATE_H
#define REPORT_DECIMATE_H

#include <stddef.h>

/** DECIMATE_PER_COLUMN - most points that a column keeps. */
#define DECIMATE_PER_COLUMN 3

/**
 * decimate() - choose points that draw as all of them would.
 * @x: ascending, finite
 * @y: NaN is a gap
 * @lo, @hi: range of @x that @columns pixel columns share
 * @keep: indices, ascending; room for DECIMATE_PER_COLUMN * @columns + 2
 *
 * Of each column the lowest and the highest point are kept, and one of the NaNs between
 * others, so that a spike of a single step stays as high as it was and a gap stays a gap;
 * and the first and the last point of all.  Up to 2 * @columns points are all kept.
 * Return: how many.
 */
size_t decimate(const double *x, const double *y, size_t nr, double lo, double hi, int columns,
		size_t *keep);

/**
 * smooth() - means over up to 2 * @half + 1 neighbours.
 * @out: (nr); NaN where the middle is NaN
 *
 * The window is symmetric and becomes narrower at both ends, so that a curve that falls
 * steeply at its beginning is not lifted or delayed.  NaNs in a window do not count.
 * Return: 0 or -ENOMEM.
 */
int smooth(const double *y, size_t nr, size_t half, double *out);

#endif
