/* SPDX-License-Identifier: MIT */
/*
 * Charts as SVG, for a page whose style sheet (html-style.c) gives the colours.
 */
#ifndef REPORT_CHART_H
#define REPORT_CHART_H

#include "base/strbuf.h"
#include "report/axis.h"

/** How a curve is drawn; also its class in the style sheet. */
enum chart_kind {
	CHART_FAINT,	/* every step: thin and pale, behind the others */
	CHART_LINE,
	CHART_DOTS,	/* a thin line with a dot at each point: few points */
};

/** CHART_COLOURS - numbers of colours; beyond them the lines are dashed. */
#define CHART_COLOURS 8

/** struct chart_line - a curve. @x ascends; NaN in @y is a gap. Nothing is copied. */
struct chart_line {
	enum chart_kind kind;
	int colour;
	const char *name;		/* of the run, for the labels of dots */
	const double *x, *y;
	size_t nr;
};

/** struct chart_mark - a thin vertical line at @x that tells @text when pointed at. */
struct chart_mark {
	double x;
	const char *text;
};

/** struct chart_tick - a place on the x axis with a name of its own. */
struct chart_tick {
	double x;
	const char *name;
};

/** struct chart - what to draw. */
struct chart {
	const char *title, *x_title, *y_title;
	enum axis_unit x_unit, y_unit;
	double x_most;		/* the x axis goes from 0 to here at least */
	bool from_zero;		/* the y axis begins at 0 */
	double log_ratio;	/* it is logarithmic if values differ by more; 0: never */
	int width, height;	/* in pixels of the page */
	const struct chart_line *lines;
	int nr_lines;
	const struct chart_mark *marks;
	int nr_marks;
	const struct chart_tick *ticks;	/* in the place of round numbers; NULL: those */
	int nr_ticks;
};

/**
 * chart_draw() - append the chart as an <svg>; one that has no point says so.
 *
 * Curves are decimated to the columns of pixels (decimate.h).  Return: 0 or -ENOMEM.
 */
int chart_draw(const struct chart *c, struct strbuf *out);

#endif
