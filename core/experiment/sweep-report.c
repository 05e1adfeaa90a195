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
 * Doublings above the smallest value, since grids rise by factors; one beside the other where
 * values are no numbers above 0.
 */
static void place(const struct sweep *s, struct point *list)
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
		return;
	}
	qsort(list, (size_t)s->nr, sizeof(*list), by_value);
	least = list[0].x;
	for (int i = 0; i < s->nr; i++)
		list[i].x = log2(list[i].x / least);
}

static int draw(const struct sweep *s, const struct sweep_curve *c, struct strbuf *out)
{
	double x[SWEEP_VALUES_MAX], mean[SWEEP_VALUES_MAX], *y;
	struct chart_line *lines = calloc((size_t)c->seeds + 1, sizeof(*lines));
	struct chart_tick ticks[SWEEP_VALUES_MAX];
	struct chart_mark best = { .text = "the best mean" };
	struct point list[SWEEP_VALUES_MAX];
	struct chart chart = {
		.title = s->e->metric.name, .x_title = params[s->param].name,
		.y_title = s->e->metric.unit, .width = WIDTH, .height = HEIGHT, .lines = lines,
		.nr_lines = c->seeds + 1, .marks = &best,
		.nr_marks = c->best >= 0 && !c->flat, .ticks = ticks, .nr_ticks = s->nr,
	};
	int ret = -ENOMEM;

	place(s, list);
	y = calloc((size_t)c->seeds * (size_t)s->nr + 1, sizeof(*y));
	if (!lines || !y)
		goto out_all;
	for (int i = 0; i < s->nr; i++) {
		ticks[i] = (struct chart_tick){ list[i].x, s->values[list[i].nr] };
		if (list[i].nr == c->best)
			best.x = list[i].x;
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
	free(lines);
	return ret;
}

/* ---- tables -------------------------------------------------------------------------- */

static void add_number(struct doc *d, double v, int digits, bool best)
{
	if (isnan(v))
		doc_cell(d, "-");
	else if (best)
		doc_cell_strong(d, "%.*g", digits, v);
	else
		doc_cell(d, "%.*g", digits, v);
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
		add_number(d, c->point[i].mean, 6, i == c->best && !c->flat);
		add_number(d, c->point[i].sd, 2, false);
		for (int seed = 0; seed < c->seeds; seed++)
			add_number(d, c->point[i].value[seed], 6, false);
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
			add_number(d, c->point[i + f].mean, 6, false);
	}
	doc_table_end(d);
}

static void add_facts(const struct sweep *s, const struct sweep_curve *tune, const char *data,
		      struct doc *d)
{
	struct strbuf seeds;

	strbuf_init(&seeds);
	for (int i = 0; i < tune->seeds; i++)
		strbuf_addf(&seeds, "%s%lld", i ? ", " : "", s->e->seeds[i]);
	doc_heading(d, 2, "What ran");
	doc_table(d, "lm");
	doc_cell(d, "What");
	doc_cell(d, "Value");
	doc_cell(d, "Plan");
	doc_cell(d, "%s", s->e->file);
	doc_cell(d, "Hash of its files");
	doc_cell(d, "%s", s->e->hash);
	doc_cell(d, "Data");
	doc_cell(d, "%s", data);
	doc_cell(d, "Seeds");
	doc_cell(d, "%s", seeds.s);
	doc_table_end(d);
	strbuf_free(&seeds);
}

static int write_as(const struct sweep *s, const struct sweep_curve *tune,
		    const struct sweep_curve *check, const char *data, enum doc_kind kind,
		    struct strbuf *out)
{
	char version[BUILD_VERSION_MAX], title[160], footer[BUILD_VERSION_MAX + 32];
	struct strbuf advice;
	struct doc d;
	int ret = 0;

	snprintf(title, sizeof(title), "%s on the baseline of %s", params[s->param].name,
		 s->e->name);
	doc_begin(&d, kind, out, title);
	doc_heading(&d, 1, title);
	if (tune->best >= 0 && !tune->flat)
		doc_text(&d, "verdict", "%s=%s gives the best %s: %.6g %s, mean of %d seed%s.",
			 params[s->param].name, s->values[tune->best], s->e->metric.name,
			 tune->point[tune->best].mean, s->e->metric.unit, tune->seeds,
			 tune->seeds > 1 ? "s" : "");
	strbuf_init(&advice);
	sweep_advice(s, tune, check, &advice);
	for (char *line = strtok(advice.s, "\n"); line; line = strtok(NULL, "\n"))
		doc_text(&d, "warn", "%s", line);
	strbuf_free(&advice);
	if (doc_page(&d)) {
		ret = draw(s, tune, doc_page(&d));
		doc_text(&d, "dim", "Dots: means over the seeds, the vertical line at the best "
			 "one. Pale: single seeds.");
	}
	add_tune(s, tune, &d);
	if (check)
		add_check(s, check, &d);
	add_facts(s, tune, data, &d);
	snprintf(footer, sizeof(footer), "Written by knlp %s.", build_version(version));
	return doc_end(&d, footer) || ret ? fail_nomem(0, "a report") : 0;
}

static int write_file(const struct sweep *s, const struct sweep_curve *tune,
		      const struct sweep_curve *check, const char *data, enum doc_kind kind,
		      const char *path)
{
	struct strbuf out;
	int ret;

	strbuf_init(&out);
	ret = write_as(s, tune, check, data, kind, &out);
	if (!ret)
		ret = strbuf_ok(&out);
	if (!ret)
		ret = file_write_atomic(path, out.s, out.len);
	strbuf_free(&out);
	return ret;
}

int sweep_report(const struct sweep *s, const struct sweep_curve *tune,
		 const struct sweep_curve *check, const char *data, const char *dir)
{
	char *page = path_join(dir, "sweep.html"), *text = path_join(dir, "sweep.md");
	int ret = page && text ? 0 : fail_nomem(0, "a path");

	if (!ret)
		ret = write_file(s, tune, check, data, DOC_HTML, page);
	if (!ret)
		ret = write_file(s, tune, check, data, DOC_MARKDOWN, text);
	free(text);
	free(page);
	return ret;
}
