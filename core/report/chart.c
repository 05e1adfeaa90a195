// SPDX-License-Identifier: MIT
#include "report/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "report/decimate.h"
#include "report/escape.h"
#include "report/svg.h"

/* Room around the plot, for labels. */
#define LEFT 62
#define RIGHT 20
#define TOP 26
#define BOTTOM 40

#define FINE 10		/* units of coordinates in a pixel: integers are short */
#define DOTS_MAX 120	/* more dots than that would be a thick line */

/* struct plot - a chart, and where its points lie. */
struct plot {
	const struct chart *c;
	struct axis x, y;
	int width, height;	/* of the plot, pixels */
	struct strbuf *out;
};

/* ---- ranges ---- */

struct range {
	double lo, hi;
};

static void widen(struct range *r, double v)
{
	if (!isfinite(v))
		return;
	r->lo = fmin(r->lo, v);
	r->hi = fmax(r->hi, v);
}

static bool has_points(const struct chart *c)
{
	for (int i = 0; i < c->nr_lines; i++)
		for (size_t k = 0; k < c->lines[i].nr; k++)
			if (isfinite(c->lines[i].y[k]) && isfinite(c->lines[i].x[k]))
				return true;
	return false;
}

static void make_axes(struct plot *p)
{
	const struct chart *c = p->c;
	struct range x = { 0, c->x_most }, y = { INFINITY, -INFINITY };
	bool log;

	for (int i = 0; i < c->nr_lines; i++) {
		const struct chart_line *l = &c->lines[i];

		if (l->nr)
			widen(&x, l->x[l->nr - 1]);
		for (size_t k = 0; k < l->nr; k++)
			widen(&y, l->y[k]);
	}
	log = c->log_ratio > 0 && y.lo > 0 && y.hi / y.lo > c->log_ratio;
	if (c->from_zero && !log)
		widen(&y, 0);
	if (!log && y.hi > y.lo)
		y.hi += 0.04 * (y.hi - y.lo);	/* no peak on the edge */
	axis_make(&p->x, x.lo, x.hi, c->x_unit, false, p->width / 80 + 1);
	axis_make(&p->y, y.lo, y.hi, c->y_unit, log, p->height / 42 + 1);
}

static long place_x(const struct plot *p, double v)
{
	return lround(FINE * (LEFT + axis_at(&p->x, v) * p->width));
}

static long place_y(const struct plot *p, double v)
{
	return lround(FINE * (TOP + (1 - axis_at(&p->y, v)) * p->height));
}

/* ---- the frame ---- */

static void draw_tick(const struct plot *p, double at, const char *name)
{
	double x = (double)place_x(p, at) / FINE;

	strbuf_addf(p->out, "<path class=\"axis\" d=\"M%.1f %dv4\"/>\n", x, TOP + p->height);
	svg_text(p->out, "x", x, TOP + p->height + 17, name);
}

static void draw_x_ticks(const struct plot *p)
{
	const struct chart *c = p->c;
	char label[AXIS_LABEL_MAX];

	for (int i = 0; i < c->nr_ticks; i++)
		draw_tick(p, c->ticks[i].x, c->ticks[i].name);
	for (int i = 0; i < p->x.nr && !c->ticks; i++)
		draw_tick(p, p->x.tick[i], axis_label(&p->x, p->x.tick[i], label));
}

static void draw_grid(const struct plot *p)
{
	char label[AXIS_LABEL_MAX];

	strbuf_adds(p->out, "<path class=\"grid\" d=\"");
	for (int i = 0; i < p->y.nr; i++)
		strbuf_addf(p->out, "M%d %.1fh%d", LEFT,
			    (double)place_y(p, p->y.tick[i]) / FINE, p->width);
	strbuf_addf(p->out, "\"/>\n<path class=\"axis\" d=\"M%d %dh%d\"/>\n", LEFT,
		    TOP + p->height, p->width);
	for (int i = 0; i < p->y.nr; i++)
		svg_text(p->out, "y", LEFT - 6, (double)place_y(p, p->y.tick[i]) / FINE + 4,
			 axis_label(&p->y, p->y.tick[i], label));
	draw_x_ticks(p);
}

static void draw_titles(const struct plot *p)
{
	const struct chart *c = p->c;

	svg_text(p->out, "title", LEFT, 15, c->title);
	if (*c->y_title) {
		struct strbuf sb;

		strbuf_init(&sb);
		strbuf_addf(&sb, "%s%s", c->y_title, p->y.log ? ", log scale" : "");
		svg_text(p->out, "unit", LEFT + p->width, 15, sb.s);
		p->out->failed |= sb.failed;
		strbuf_free(&sb);
	}
	svg_text(p->out, "x", LEFT + p->width / 2.0, TOP + p->height + 34, c->x_title);
}

static void draw_marks(const struct plot *p)
{
	for (int i = 0; i < p->c->nr_marks; i++) {
		strbuf_addf(p->out, "<path class=\"mark\" d=\"M%.1f %dv%d\"><title>",
			    (double)place_x(p, p->c->marks[i].x) / FINE, TOP, p->height);
		escape_html(p->out, p->c->marks[i].text);
		strbuf_adds(p->out, "</title></path>\n");
	}
}

/* ---- curves ---- */

static void open_element(const struct plot *p, const char *name, const struct chart_line *l)
{
	static const char *const kinds[] = {
		[CHART_FAINT] = "faint", [CHART_LINE] = "line", [CHART_DOTS] = "dots",
	};

	strbuf_addf(p->out, "<%s class=\"%s c%d%s\"", name, kinds[l->kind],
		    l->colour % CHART_COLOURS, l->colour >= CHART_COLOURS ? " dash" : "");
}

/* Relative moves in as few bytes as a path can have. */
static void draw_path(const struct plot *p, const struct chart_line *l, const size_t *keep,
		      size_t nr)
{
	long x = 0, y = 0;
	bool pen = false, drawn = false;

	open_element(p, "path", l);
	strbuf_adds(p->out, " d=\"");
	for (size_t i = 0; i < nr; i++) {
		long nx, ny;

		if (!isfinite(l->y[keep[i]])) {
			pen = false;
			continue;
		}
		nx = place_x(p, l->x[keep[i]]);
		ny = place_y(p, l->y[keep[i]]);
		if (!pen)
			strbuf_addf(p->out, "M%ld %ldl0 0", nx, ny);	/* alone, it is a dot */
		else if (nx != x || ny != y)
			strbuf_addf(p->out, nx - x < 0 ? "%ld" : " %ld", nx - x);
		if (pen && (nx != x || ny != y))
			strbuf_addf(p->out, ny - y < 0 ? "%ld" : " %ld", ny - y);
		x = nx;
		y = ny;
		pen = drawn = true;
	}
	strbuf_adds(p->out, drawn ? "\"/>\n" : "M0 0\"/>\n");
}

static const char *tick_name(const struct chart *c, double x, const char *otherwise)
{
	for (int i = 0; i < c->nr_ticks; i++)
		if (c->ticks[i].x == x)
			return c->ticks[i].name;
	return otherwise;
}

static void draw_dot(const struct plot *p, const struct chart_line *l, size_t i)
{
	char x[AXIS_LABEL_MAX];

	if (!isfinite(l->y[i]))
		return;
	open_element(p, "circle", l);
	strbuf_addf(p->out, " cx=\"%ld\" cy=\"%ld\" r=\"%d\"><title>", place_x(p, l->x[i]),
		    place_y(p, l->y[i]), l->kind == CHART_FAINT ? 10 : 28);
	escape_html(p->out, l->name);
	strbuf_addf(p->out, ": %.5g at ", l->y[i]);
	escape_html(p->out, tick_name(p->c, l->x[i], axis_label(&p->x, l->x[i], x)));
	strbuf_adds(p->out, "</title></circle>\n");
}

static int draw_line(const struct plot *p, const struct chart_line *l)
{
	/* Pale curves of all steps are cheap at one column a pixel, and smooth ones at two. */
	int columns = l->kind == CHART_FAINT ? p->width : p->width / 2;
	size_t *keep = calloc(DECIMATE_PER_COLUMN * columns + 2, sizeof(*keep)), nr;

	if (!keep)
		return fail_nomem(columns * sizeof(*keep), "a curve");
	nr = decimate(l->x, l->y, l->nr, p->x.lo, p->x.hi, columns, keep);
	if (nr > 1)
		draw_path(p, l, keep, nr);
	if (nr == 1 || (l->kind == CHART_DOTS && l->nr <= DOTS_MAX))
		for (size_t i = 0; i < l->nr; i++)
			draw_dot(p, l, i);
	free(keep);
	return 0;
}

static int draw_lines(const struct plot *p)
{
	int ret = 0;

	strbuf_addf(p->out, "<g transform=\"scale(%.2g)\">\n", 1.0 / FINE);
	for (int kind = CHART_FAINT; kind <= CHART_DOTS; kind++)
		for (int i = 0; i < p->c->nr_lines && !ret; i++)
			if ((int)p->c->lines[i].kind == kind)
				ret = draw_line(p, &p->c->lines[i]);
	strbuf_adds(p->out, "</g>\n");
	return ret;
}

int chart_draw(const struct chart *c, struct strbuf *out)
{
	struct plot p = {
		.c = c, .out = out,
		.width = c->width - LEFT - RIGHT, .height = c->height - TOP - BOTTOM,
	};
	int ret = 0;

	svg_open(out, c->width, c->height, c->title);
	make_axes(&p);
	draw_titles(&p);
	if (has_points(c)) {
		draw_grid(&p);
		draw_marks(&p);
		ret = draw_lines(&p);
	} else {
		svg_text(out, "none", LEFT + p.width / 2.0, TOP + p.height / 2.0, "not logged");
	}
	svg_close(out);
	return ret;
}
