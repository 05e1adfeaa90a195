// SPDX-License-Identifier: MIT
#include "report/forest.h"

#include <math.h>
#include <stdio.h>

#include "report/axis.h"
#include "report/chart.h"
#include "report/svg.h"

#define TOP 30
#define ROW 26
#define BOTTOM 42
#define MARGIN 14
#define LABEL_MOST 200

/* struct plot - a forest, and where it lies. */
struct plot {
	const struct forest *f;
	struct axis axis;
	double left, width;	/* of the rows, pixels */
	int bottom;
	struct strbuf *out;
};

static void widen(double *lo, double *hi, double v)
{
	if (!isfinite(v))
		return;
	*lo = fmin(*lo, v);
	*hi = fmax(*hi, v);
}

/* Return: whether there is anything to draw. */
static bool make_axis(struct plot *p)
{
	const struct forest *f = p->f;
	double lo = fmin(0, -f->delta), hi = fmax(0, f->delta), room;
	bool any = false;

	for (int i = 0; i < f->nr; i++) {
		const struct forest_row *r = &f->rows[i];

		any |= isfinite(r->value);
		widen(&lo, &hi, r->value);
		widen(&lo, &hi, r->low);
		widen(&lo, &hi, r->high);
		for (int k = 0; k < r->nr_points; k++)
			widen(&lo, &hi, r->points[k]);
	}
	room = 0.04 * (hi - lo);
	axis_make(&p->axis, lo - room, hi + room, AXIS_NUMBER, false, (int)(p->width / 90) + 1);
	return any;
}

static double place(const struct plot *p, double v)
{
	return p->left + fmin(1, fmax(0, axis_at(&p->axis, v))) * p->width;
}

static void draw_frame(const struct plot *p)
{
	const struct axis *a = &p->axis;
	double height = p->bottom - TOP, delta = p->f->delta;
	char label[AXIS_LABEL_MAX];

	for (int i = 0; i < a->nr; i++) {
		svg_line(p->out, "grid", place(p, a->tick[i]), TOP, 0, height);
		svg_text(p->out, "x", place(p, a->tick[i]), p->bottom + 16,
			 axis_label(a, a->tick[i], label));
	}
	svg_line(p->out, "axis", p->left, p->bottom, p->width, 0);
	svg_line(p->out, "zero", place(p, 0), TOP, 0, height);
	if (delta > 0) {
		svg_line(p->out, "delta", place(p, delta), TOP, 0, height);
		svg_line(p->out, "delta", place(p, -delta), TOP, 0, height);
	}
	svg_text(p->out, "x", p->left + p->width / 2, p->bottom + 34, p->f->x_title);
}

static void draw_row(const struct plot *p, int i)
{
	const struct forest_row *r = &p->f->rows[i];
	double y = TOP + ROW * (i + 0.5), low, high;
	char class[32], text[160];

	svg_text(p->out, r->strong ? "row strong" : "row", MARGIN, y + 4, r->label);
	svg_text(p->out, r->strong ? "row strong" : "row", p->left + p->width + MARGIN, y + 4,
		 r->note);
	if (!isfinite(r->value))
		return;
	snprintf(class, sizeof(class), "pale c%d", r->colour % CHART_COLOURS);
	for (int k = 0; k < r->nr_points; k++) {
		snprintf(text, sizeof(text), "%s: %.5g", r->label, r->points[k]);
		if (isfinite(r->points[k]))
			svg_dot(p->out, class, place(p, r->points[k]), y, 4, text);
	}
	snprintf(class, sizeof(class), "whisker c%d", r->colour % CHART_COLOURS);
	if (!isnan(r->low) && !isnan(r->high)) {
		low = place(p, r->low);
		high = place(p, r->high);
		svg_line(p->out, class, low, y, high - low, 0);
		svg_line(p->out, class, low, y - 5, 0, 10);
		svg_line(p->out, class, high, y - 5, 0, 10);
	}
	snprintf(class, sizeof(class), "spot c%d", r->colour % CHART_COLOURS);
	snprintf(text, sizeof(text), "%s: %.5g", r->label, r->value);
	svg_dot(p->out, class, place(p, r->value), y, r->strong ? 5.5 : 4.5, text);
}

static double widest(const struct forest *f, bool notes)
{
	double most = 0;

	for (int i = 0; i < f->nr; i++)
		most = fmax(most, svg_text_width(notes ? f->rows[i].note : f->rows[i].label));
	return most;
}

void forest_draw(const struct forest *f, struct strbuf *out)
{
	double label = fmin(LABEL_MOST, widest(f, false)), note = widest(f, true);
	struct plot p = { .f = f, .out = out, .bottom = TOP + ROW * f->nr };

	p.left = MARGIN + label + MARGIN;
	p.width = f->width - p.left - MARGIN - (note > 0 ? note + MARGIN : 0);
	if (p.width < f->width / 4.0)
		p.width = f->width / 4.0;	/* then the notes are cut, not the plot */
	svg_open(out, f->width, p.bottom + BOTTOM, f->title);
	svg_text(out, "title", MARGIN, 15, f->title);
	if (make_axis(&p)) {
		draw_frame(&p);
		for (int i = 0; i < f->nr; i++)
			draw_row(&p, i);
	} else {
		svg_text(out, "none", f->width / 2.0, (TOP + p.bottom) / 2.0,
			 "nothing measured yet");
	}
	svg_close(out);
}
