// SPDX-License-Identifier: MIT
#include "report/pairs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "report/axis.h"
#include "report/chart.h"
#include "report/svg.h"

#define LEFT 62
#define RIGHT 20
#define TOP 30
#define BOTTOM 40
#define LABEL_GAP 13	/* pixels between two labels, at least */
#define LABELS_MAX 14	/* more would not be read */

/* struct plot - pairs, and where they lie. */
struct plot {
	const struct pairs *p;
	struct axis axis;
	double x[2];
	int height;
	struct strbuf *out;
};

static bool make_axis(struct plot *plot)
{
	const struct pairs *p = plot->p;
	double lo = INFINITY, hi = -INFINITY, room;

	for (int side = 0; side < 2; side++)
		for (int i = 0; i < p->nr; i++) {
			if (!isfinite(p->value[side][i]))
				continue;
			lo = fmin(lo, p->value[side][i]);
			hi = fmax(hi, p->value[side][i]);
		}
	if (!(lo <= hi))
		return false;
	room = 0.05 * (hi - lo);
	axis_make(&plot->axis, lo - room, hi + room, AXIS_NUMBER, false, plot->height / 42 + 1);
	return true;
}

static double place(const struct plot *plot, double v)
{
	return TOP + (1 - axis_at(&plot->axis, v)) * plot->height;
}

static void draw_frame(const struct plot *plot)
{
	const struct axis *a = &plot->axis;
	double width = plot->p->width - LEFT - RIGHT;
	char label[AXIS_LABEL_MAX];

	for (int i = 0; i < a->nr; i++) {
		svg_line(plot->out, "grid", LEFT, place(plot, a->tick[i]), width, 0);
		svg_text(plot->out, "y", LEFT - 6, place(plot, a->tick[i]) + 4,
			 axis_label(a, a->tick[i], label));
	}
	svg_line(plot->out, "axis", LEFT, TOP + plot->height, width, 0);
	for (int side = 0; side < 2; side++)
		svg_text(plot->out, "x strong", plot->x[side], TOP + plot->height + 20,
			 plot->p->side[side]);
}

static void draw_dot(const struct plot *plot, int side, int i)
{
	const struct pairs *p = plot->p;
	char class[32], text[160];

	if (!isfinite(p->value[side][i]))
		return;
	snprintf(class, sizeof(class), "spot c%d", p->colour[side] % CHART_COLOURS);
	snprintf(text, sizeof(text), "%s, %s: %.6g", p->side[side], p->label[i],
		 p->value[side][i]);
	svg_dot(plot->out, class, plot->x[side], place(plot, p->value[side][i]), 4.5, text);
}

static void draw_slopes(const struct plot *plot)
{
	const struct pairs *p = plot->p;

	for (int i = 0; i < p->nr; i++) {
		double a = p->value[0][i], b = p->value[1][i];

		if (isfinite(a) && isfinite(b))
			svg_line(plot->out, "slope", plot->x[0], place(plot, a),
				 plot->x[1] - plot->x[0], place(plot, b) - place(plot, a));
	}
	for (int i = 0; i < p->nr; i++)
		for (int side = 0; side < 2; side++)
			draw_dot(plot, side, i);
}

struct label {
	double y;
	int i;
};

static int from_above(const void *a, const void *b)
{
	const struct label *x = a, *y = b;

	return x->y != y->y ? (x->y > y->y) - (x->y < y->y) : x->i - y->i;
}

/* Beside the right dots, in their order, without one on another. */
static int draw_labels(const struct plot *plot)
{
	const struct pairs *p = plot->p;
	struct label *labels = calloc(p->nr + 1, sizeof(*labels));
	double lowest = TOP + plot->height + 4;
	int nr = 0;

	if (!labels)
		return fail_nomem(p->nr * sizeof(*labels), "labels");
	for (int i = 0; i < p->nr; i++)
		if (isfinite(p->value[1][i]))
			labels[nr++] = (struct label){ place(plot, p->value[1][i]) + 4, i };
	qsort(labels, nr, sizeof(*labels), from_above);
	for (int k = 1; k < nr; k++)
		labels[k].y = fmax(labels[k].y, labels[k - 1].y + LABEL_GAP);
	for (int k = nr - 1; k >= 0; k--) {
		labels[k].y = fmin(labels[k].y, lowest);
		lowest = labels[k].y - LABEL_GAP;
	}
	for (int k = 0; k < nr && nr <= LABELS_MAX; k++)
		svg_text(plot->out, "row dim", plot->x[1] + 12, labels[k].y, p->label[labels[k].i]);
	free(labels);
	return 0;
}

int pairs_draw(const struct pairs *p, struct strbuf *out)
{
	double width = p->width - LEFT - RIGHT;
	struct plot plot = {
		.p = p, .out = out, .height = p->height - TOP - BOTTOM,
		.x = { LEFT + 0.2 * width, LEFT + 0.75 * width },
	};
	int ret = 0;

	svg_open(out, p->width, p->height, p->title);
	svg_text(out, "title", LEFT, 15, p->title);
	svg_text(out, "unit", p->width - RIGHT, 15, p->unit);
	if (make_axis(&plot)) {
		draw_frame(&plot);
		draw_slopes(&plot);
		ret = draw_labels(&plot);
	} else {
		svg_text(out, "none", LEFT + width / 2, p->height / 2.0, "nothing measured yet");
	}
	svg_close(out);
	return ret;
}
