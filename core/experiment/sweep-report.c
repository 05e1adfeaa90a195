// SPDX-License-Identifier: MIT
/* A sweep as a page and as Markdown. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/build-info.h"
#include "base/fail.h"
#include "base/file.h"
#include "experiment/sweep.h"
#include "report/chart.h"
#include "report/doc.h"

#define WIDTH 860
#define HEIGHT 320

/* ---- the curve ---------------------------------------------------------------------- */

/** struct point - a value as a number, and which of the curve's it is. */
struct point {
	double x;
	int nr;
};

static int by_value(const void *a, const void *b)
{
	double x = ((const struct point *)a)->x, y = ((const struct point *)b)->x;

	return x < y ? -1 : x > y;
}

/*
 * Doublings above the smallest value, since grids rise by factors; their numbers where values
 * are no numbers above 0. Return: whether they are.
 */
static bool place(const struct sweep *s, struct point *list)
{
	bool numbers = true;
	double least;

	for (int i = 0; i < s->nr; i++) {
		list[i].nr = i;
		numbers &= !str_to_double(s->values[i], &list[i].x) && list[i].x > 0;
	}
	if (!numbers) {
		for (int i = 0; i < s->nr; i++)
			list[i].x = i + 1;
		return false;
	}
	qsort(list, (size_t)s->nr, sizeof(*list), by_value);
	least = list[0].x;
	for (int i = 0; i < s->nr; i++)
		list[i].x = log2(list[i].x / least);
	return true;
}

static int draw(const struct sweep *s, const struct sweep_curve *c, struct strbuf *out)
{
	double x[SWEEP_VALUES_MAX], mean[SWEEP_VALUES_MAX], *y;
	struct chart_line *lines = calloc((size_t)c->seeds + 1, sizeof(*lines));
	struct point list[SWEEP_VALUES_MAX];
	bool numbers = place(s, list);
	char *x_title = numbers ? str_printf("doublings of %s above %s", params[s->param].name,
					     s->values[list[0].nr])
				: str_printf("number of the value of %s", params[s->param].name);
	struct chart chart = {
		.title = s->e->metric.name, .x_title = x_title, .y_title = s->e->metric.unit,
		.width = WIDTH, .height = HEIGHT, .lines = lines, .nr_lines = c->seeds + 1,
	};
	int ret = -ENOMEM;

	y = calloc((size_t)c->seeds * (size_t)s->nr + 1, sizeof(*y));
	if (!lines || !x_title || !y)
		goto out_all;
	for (int i = 0; i < s->nr; i++) {
		x[i] = list[i].x;
		mean[i] = c->point[list[i].nr].mean;
		for (int seed = 0; seed < c->seeds; seed++)
			y[seed * s->nr + i] = c->point[list[i].nr].value[seed];
	}
	for (int seed = 0; seed < c->seeds; seed++)
		lines[seed] = (struct chart_line){ .kind = CHART_FAINT, .name = "seed", .x = x,
						   .y = y + seed * s->nr, .nr = (size_t)s->nr };
	lines[c->seeds] = (struct chart_line){ .kind = CHART_DOTS, .name = "mean", .x = x,
					       .y = mean, .nr = (size_t)s->nr };
	ret = chart_draw(&chart, out);
out_all:
	free(y);
	free(x_title);
	free(lines);
	return ret;
}

/* ---- tables -------------------------------------------------------------------------- */

static void add_number(struct doc *d, double v, bool best)
{
	if (isnan(v))
		doc_cell(d, "-");
	else if (best)
		doc_cell_strong(d, "%.6g", v);
	else
		doc_cell(d, "%.6g", v);
}

static void add_tune(const struct sweep *s, const struct sweep_curve *c, struct doc *d)
{
	struct strbuf columns;

	strbuf_init(&columns);
	strbuf_adds(&columns, "lrr");
	for (int i = 0; i < c->seeds; i++)
		strbuf_addc(&columns, 'r');
	doc_table(d, columns.s);
	doc_cell(d, "%s", params[s->param].name);
	doc_cell(d, "Mean");
	doc_cell(d, "SD");
	for (int i = 0; i < c->seeds; i++)
		doc_cell(d, "Seed %lld", s->e->seeds[i]);
	for (int i = 0; i < c->nr; i++) {
		doc_cell(d, "%s", s->values[i]);
		add_number(d, c->point[i].mean, i == c->best);
		add_number(d, c->point[i].sd, false);
		for (int seed = 0; seed < c->seeds; seed++)
			add_number(d, c->point[i].value[seed], false);
	}
	doc_table_end(d);
	strbuf_free(&columns);
}

static void add_check(const struct sweep *s, const struct sweep_curve *c, struct doc *d)
{
	doc_heading(d, 2, "At half and double");
	doc_text(d, NULL, "%s, mean over the seeds, of the baseline and of the arms that claim "
		 "something. What is tuned on the baseline is fair to an arm that does not gain "
		 "more than delta, %.4g, elsewhere.", s->e->metric.name, s->e->delta);
	doc_table(d, "lrrr");
	doc_cell(d, "Arm");
	doc_cell(d, "Half");
	doc_cell(d, "Best");
	doc_cell(d, "Double");
	for (int i = 0; i + 2 < c->nr; i += 3) {
		doc_cell(d, "%s", c->point[i].label);
		for (int f = 0; f < 3; f++)
			add_number(d, c->point[i + f].mean, false);
	}
	doc_table_end(d);
}

static int write_as(const struct sweep *s, const struct sweep_curve *tune,
		    const struct sweep_curve *check, enum doc_kind kind, struct strbuf *out)
{
	char version[BUILD_VERSION_MAX], title[160], footer[BUILD_VERSION_MAX + 32];
	struct strbuf advice;
	struct doc d;
	int ret = 0;

	snprintf(title, sizeof(title), "%s on the baseline of %s", params[s->param].name,
		 s->e->name);
	doc_begin(&d, kind, out, title);
	doc_heading(&d, 1, title);
	if (tune->best >= 0)
		doc_text(&d, "verdict", "%s=%s gives the best %s: %.6g %s, mean of %d seed%s.",
			 params[s->param].name, s->values[tune->best], s->e->metric.name,
			 tune->point[tune->best].mean, s->e->metric.unit, tune->seeds,
			 tune->seeds > 1 ? "s" : "");
	strbuf_init(&advice);
	sweep_advice(s, tune, check, &advice);
	for (char *line = strtok(advice.s, "\n"); line; line = strtok(NULL, "\n"))
		doc_text(&d, "warn", "%s", line);
	strbuf_free(&advice);
	if (doc_page(&d))
		ret = draw(s, tune, doc_page(&d));
	add_tune(s, tune, &d);
	if (check)
		add_check(s, check, &d);
	snprintf(footer, sizeof(footer), "Written by knlp %s.", build_version(version));
	return doc_end(&d, footer) || ret ? fail_nomem(0, "a report") : 0;
}

int sweep_report(const struct sweep *s, const struct sweep_curve *tune,
		 const struct sweep_curve *check, const char *dir)
{
	static const char *const names[] = { "sweep.html", "sweep.md" };
	int ret = 0;

	for (int i = 0; i < 2 && !ret; i++) {
		char *path = path_join(dir, names[i]);
		struct strbuf out;

		strbuf_init(&out);
		ret = path ? write_as(s, tune, check, i ? DOC_MARKDOWN : DOC_HTML, &out)
			   : fail_nomem(0, "a path");
		if (!ret)
			ret = strbuf_ok(&out);
		if (!ret)
			ret = file_write_atomic(path, out.s, out.len);
		strbuf_free(&out);
		free(path);
	}
	return ret;
}
