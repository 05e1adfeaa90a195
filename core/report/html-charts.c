// SPDX-License-Identifier: MIT
#include "report/html-charts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "io/metrics.h"
#include "report/chart.h"
#include "report/decimate.h"
#include "report/escape.h"

/* struct subject - one chart of the page. */
struct subject {
	const char *title, *unit;
	enum report_column x, y;
	enum axis_unit y_unit;
	double log_ratio;
	bool from_zero;
	bool smoothed;		/* with a mean in front of the steps */
	bool held_out;		/* with the evaluations */
	bool sparse;		/* not every step logs it */
	bool wide;
};

static const struct subject subjects[] = {
	{ "Loss against tokens", "nats/token", COL_TOKENS, COL_LOSS, AXIS_NUMBER, .log_ratio = 2.5,
	  .smoothed = true, .held_out = true, .wide = true },
	{ "Loss against time in training", "nats/token", COL_ELAPSED, COL_LOSS, AXIS_NUMBER,
	  .log_ratio = 2.5, .smoothed = true, .held_out = true, .wide = true },
	{ "Learning rate", "", COL_TOKENS, COL_LR, AXIS_NUMBER, .from_zero = true },
	{ "Norm of the gradient, before clipping", "", COL_TOKENS, COL_GRAD_NORM, AXIS_NUMBER,
	  .log_ratio = 20, .from_zero = true, .smoothed = true },
	{ "Throughput", "tok/s", COL_TOKENS, COL_RATE, AXIS_COUNT, .from_zero = true,
	  .smoothed = true },
	{ "Memory of the process", "", COL_TOKENS, COL_RSS, AXIS_MIB, .from_zero = true },
	{ "Load of the machine", "processes", COL_TOKENS, COL_LOAD, AXIS_NUMBER,
	  .from_zero = true, .sparse = true },
};

/* struct drawing - the curves of one chart, and the arrays that were made for them. */
struct drawing {
	const struct report *r;
	const struct subject *s;
	struct chart_line *lines;
	int nr_lines;
	double **made;
	int nr_made;
	int ret;
};

#define LINES_PER_RUN 3		/* steps, their mean, evaluations */
#define MADE_PER_RUN 4

static double *make(struct drawing *d, size_t nr)
{
	double *array = calloc(nr + 1, sizeof(*array));

	if (!array)
		d->ret = fail_nomem(nr * sizeof(*array), "a curve");
	else
		d->made[d->nr_made++] = array;
	return array;
}

static void add_line(struct drawing *d, enum chart_kind kind, int run, const double *x,
		     const double *y, size_t nr)
{
	d->lines[d->nr_lines++] = (struct chart_line){
		.kind = kind,
		/* Alone, a run's evaluations have a colour of their own. */
		.colour = d->r->nr == 1 && kind == CHART_DOTS ? 1 : run,
		.name = d->r->run[run]->name,
		.x = x, .y = y, .nr = nr,
	};
}

/* Of a column that few steps log, those. */
static void add_sparse(struct drawing *d, int i)
{
	const struct report_run *run = d->r->run[i];
	double *x = make(d, run->nr), *y = x ? make(d, run->nr) : NULL;
	size_t nr = 0;

	for (size_t k = 0; k < run->nr && y; k++) {
		if (isnan(run->col[d->s->y][k]))
			continue;
		x[nr] = run->col[d->s->x][k];
		y[nr++] = run->col[d->s->y][k];
	}
	if (y)
		add_line(d, CHART_LINE, i, x, y, nr);
}

static void add_steps(struct drawing *d, int i)
{
	const struct report_run *run = d->r->run[i];
	const double *x = run->col[d->s->x], *y = run->col[d->s->y];
	double *mean;

	add_line(d, d->s->smoothed ? CHART_FAINT : CHART_LINE, i, x, y, run->nr);
	if (!d->s->smoothed || d->ret)
		return;
	mean = make(d, run->nr);
	if (mean)
		d->ret = smooth(y, run->nr, metrics_tail(run->nr) / 2, mean);
	if (mean)
		add_line(d, CHART_LINE, i, x, mean, run->nr);
}

static void add_evals(struct drawing *d, int i)
{
	const struct report_run *run = d->r->run[i];
	double *x = make(d, run->nr_evals), *y = x ? make(d, run->nr_evals) : NULL;

	for (size_t k = 0; k < run->nr_evals && y; k++) {
		x[k] = d->s->x == COL_TOKENS ? run->evals[k].tokens : run->evals[k].elapsed;
		y[k] = run->evals[k].loss;
	}
	if (y)
		add_line(d, CHART_DOTS, i, x, y, run->nr_evals);
}

/* Where a run alone was cut and went on. Return: how many marks. */
static int make_marks(const struct drawing *d, struct chart_mark *marks, int most)
{
	const struct report_run *run = d->r->run[0];
	int nr = 0;

	if (d->r->nr > 1 || !d->s->held_out)
		return 0;
	for (const struct report_resume *e = run->resumes;
	     e < run->resumes + run->nr_resumes && nr < most; e++)
		marks[nr++] = (struct chart_mark){
			.x = d->s->x == COL_TOKENS ? e->tokens : e->elapsed, .text = "resumed",
		};
	return nr;
}

/* Also of runs whose last steps lack what is drawn, so that charts can be compared. */
static double x_most(const struct drawing *d)
{
	double most = 0;

	for (int i = 0; i < d->r->nr; i++) {
		const struct report_run *run = d->r->run[i];

		if (run->nr)
			most = fmax(most, run->col[d->s->x][run->nr - 1]);
	}
	return most;
}

#define MARKS_MAX 50	/* more would hide the curves */

static int draw(struct drawing *d, struct strbuf *out)
{
	struct chart_mark marks[MARKS_MAX];
	struct chart c = {
		.title = d->s->title, .y_title = d->s->unit,
		.x_title = d->s->x == COL_TOKENS ? "tokens" : "time in training",
		.x_unit = d->s->x == COL_TOKENS ? AXIS_COUNT : AXIS_SECONDS,
		.x_most = x_most(d), .y_unit = d->s->y_unit,
		.from_zero = d->s->from_zero, .log_ratio = d->s->log_ratio,
		.width = d->s->wide ? 1040 : 512, .height = d->s->wide ? 360 : 250,
		.lines = d->lines, .marks = marks,
	};

	for (int i = 0; i < d->r->nr && !d->ret; i++) {
		if (d->s->sparse)
			add_sparse(d, i);
		else
			add_steps(d, i);
		if (d->s->held_out && !d->ret)
			add_evals(d, i);
	}
	c.nr_lines = d->nr_lines;
	c.nr_marks = make_marks(d, marks, MARKS_MAX);
	strbuf_addf(out, "<div%s>", d->s->wide ? " class=\"wide\"" : "");
	if (!d->ret)
		d->ret = chart_draw(&c, out);
	strbuf_adds(out, "</div>\n");
	return d->ret;
}

static int draw_subject(const struct report *r, const struct subject *s, struct strbuf *out)
{
	struct drawing d = {
		.r = r, .s = s,
		.lines = calloc(LINES_PER_RUN * r->nr, sizeof(*d.lines)),
		.made = calloc(MADE_PER_RUN * r->nr, sizeof(*d.made)),
	};
	int ret = d.lines && d.made ? draw(&d, out) : fail_nomem(0, "a chart");

	for (int i = 0; i < d.nr_made; i++)
		free(d.made[i]);
	free(d.made);
	free(d.lines);
	return ret;
}

/* ---- the legend ---- */

static void add_key(struct strbuf *out, const char *kind, int colour, const char *text)
{
	strbuf_addf(out, "<li><svg viewBox=\"0 0 280 120\" aria-hidden=\"true\">"
		    "<path class=\"%s c%d%s\" d=\"M10 60h260\"/>", kind, colour % CHART_COLOURS,
		    colour >= CHART_COLOURS ? " dash" : "");
	if (*kind == 'd')
		strbuf_addf(out, "<circle class=\"dots c%d\" cx=\"140\" cy=\"60\" r=\"40\"/>",
			    colour % CHART_COLOURS);
	strbuf_adds(out, "</svg>");
	escape_html(out, text);
	strbuf_adds(out, "</li>\n");
}

static void legend_of_one(const struct report_run *run, struct strbuf *out)
{
	size_t steps = metrics_tail(run->nr);
	char text[80] = "training";

	add_key(out, "faint", 0, "each step");
	if (steps > 1)
		snprintf(text, sizeof(text), "mean of %zu steps", steps);
	add_key(out, "line", 0, text);
	add_key(out, "dots", 1, "held-out text");
	if (run->nr_resumes)
		strbuf_adds(out, "<li><svg viewBox=\"0 0 28 12\" aria-hidden=\"true\"><path "
			    "class=\"mark\" d=\"M14 0v12\"/></svg>resumed</li>\n");
}

int html_charts(const struct report *r, struct strbuf *out)
{
	int ret = 0;

	strbuf_adds(out, "<ul class=\"legend\">\n");
	if (r->nr == 1)
		legend_of_one(r->run[0], out);
	for (int i = 0; i < r->nr && r->nr > 1; i++)
		add_key(out, "line", i, r->run[i]->name);
	strbuf_adds(out, "</ul>\n");
	if (r->nr > 1)
		strbuf_adds(out, "<p class=\"dim\">Pale: each step of training. Lines: means over "
			    "a fiftieth of the steps. Dots: held-out text.</p>\n");
	strbuf_addf(out, "<div class=\"charts%s\">\n", r->nr > 3 ? " many" : "");
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]) && !ret; i++)
		ret = draw_subject(r, &subjects[i], out);
	strbuf_adds(out, "</div>\n");
	return ret;
}
