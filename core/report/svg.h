/* SPDX-License-Identifier: MIT */
/*
 * Pieces of drawings, for a page whose style sheet (html-style.c) gives the colours: the
 * classes of texts are "title", "unit" (right), "x" (middle), "y" (right), "row" (left).
 */
#ifndef REPORT_SVG_H
#define REPORT_SVG_H

#include "base/strbuf.h"

/** svg_open() - begin a drawing of @width by @height pixels that is called @title. */
void svg_open(struct strbuf *out, int width, int height, const char *title);
void svg_close(struct strbuf *out);

void svg_text(struct strbuf *out, const char *class, double x, double y, const char *text);

/** svg_line() - a straight line from (@x, @y) by (@dx, @dy). */
void svg_line(struct strbuf *out, const char *class, double x, double y, double dx, double dy);

/** svg_dot() - a circle that tells @text when pointed at. */
void svg_dot(struct strbuf *out, const char *class, double x, double y, double radius,
	     const char *text);

/** svg_text_width() - about as wide as @text is drawn, pixels. */
double svg_text_width(const char *text);

#endif
