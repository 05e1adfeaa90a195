// SPDX-License-Identifier: MIT
/*
 * Figures of an experiment's page: pairs, gains, curves.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "experiment/report-internal.h"
#include "report/chart.h"
#include "report/escape.h"
#include "report/forest.h"
#include "report/pairs.h"

#define WIDE 1040
#define HALF 512

/* ---- memory that lives as long as a figure -------------------------------------------- */

/** struct pool - arrays and texts that a chart points to. */
struct pool {
	void **made;
	int nr, cap;
	int ret;
};

static void *keep(struct pool *p, void *made)
{
	if (p->nr == p->cap) {
		int cap = p->cap ? 2 * p->cap : 64;
		void **more = realloc(p->made, cap * sizeof(*more));

		if (!more) {
			free(made);
			made = NULL;
		} else {
			p->made = more;
			p->cap = cap;
		}
	}
	if (!made)
		p->ret = fail_nomem(0, "a figure");
	else
		p->made[p->nr++] = made;
	return made;
}

static double *numbers(struct pool *p, size_t nr)
{
	return keep(p, calloc(nr + 1, sizeof(double)));
}

static void empty(struct pool *p)
{
	for (int i = 0; i < p->nr; i++)
		free(p->made[i]);
	free(p->made);
}

/* ---- pairs and gains ---------------------------------------------------------------- */

/* Values (or gains) of an arm in the table of the verdict, one for each seed. */
static double *column(const struct xreport *r, struct pool *pool, int arm, bool gain)
{
	const struct analysis_value *v = r->a->tables[0].arm[arm].value;
	int nr = r->run->plan->nr_seeds;
	double *x = numbers(pool, (size_t)nr);

	for (int i = 0; i < nr && x; i++)
		x[i] = gain ? v[i].gain : v[i].value;
	return x;
}

static char **seed_labels(const struct xreport *r, struct pool *pool)
{
	int nr = r->run->plan->nr_seeds;
	char **label = keep(pool, calloc((size_t)nr, sizeof(*label)));

	for (int i = 0; i < nr && label && !pool->ret; i++)
		label[i] = keep(pool, str_printf("seed %lld", r->run->plan->seeds[i]));
	return label;
}

static const char *gain_title(const struct xreport *r, struct pool *pool)
{
	const struct experiment *plan = r->run->plan;
	char unit[XREPORT_TEXT];
	char *text = keep(pool, str_printf("gain in %s over %s,%s (right is better)",
					   plan->metric.name, plan->arms[plan->baseline].name,
					   xreport_unit(r, unit)));

	return text ? text : "";
}

static int draw_pairs(const struct xreport *r, struct pool *pool, int arm, char *const *labels,
		      struct strbuf *out)
{
	const struct experiment *plan = r->run->plan;
	struct pairs p = {
		.title = plan->metric.name, .unit = plan->metric.unit,
		.side = { plan->arms[plan->baseline].name, plan->arms[arm].name },
		.colour = { xreport_colour(r, plan->baseline), xreport_colour(r, arm) },
		.label = labels, .nr = plan->nr_seeds, .width = HALF, .height = 290,
	};

	p.value[0] = column(r, pool, plan->baseline, false);
	p.value[1] = column(r, pool, arm, false);
	return pool->ret ? pool->ret : pairs_draw(&p, out);
}

/* One row for each seed, and below them what they say together. */
static int draw_gains(const struct xreport *r, struct pool *pool, int arm, char *const *labels,
		      struct strbuf *out)
{
	const struct experiment *plan = r->run->plan;
	const struct stats_paired *all = &r->a->tables[0].arm[arm].contrast.gain;
	const double *gain = column(r, pool, arm, true);
	struct forest_row *rows = keep(pool, calloc((size_t)plan->nr_seeds + 1, sizeof(*rows)));
	struct forest f = {
		.title = "Gain for each seed, and their mean with its interval",
		.x_title = gain_title(r, pool), .delta = plan->delta, .width = HALF,
		.rows = rows, .nr = plan->nr_seeds + 1,
	};
	char text[XREPORT_TEXT];

	for (int i = 0; i <= plan->nr_seeds && !pool->ret; i++) {
		bool mean = i == plan->nr_seeds;
		double v = mean ? all->mean : gain[i];

		rows[i] = (struct forest_row){
			.label = mean ? "mean" : labels[i], .value = v, .strong = mean,
			.low = mean ? all->low : NAN, .high = mean ? all->high : NAN,
			.colour = xreport_colour(r, arm),
		};
		rows[i].note = keep(pool, strdup(xreport_number(r, &plan->metric, v, true, text)));
	}
	if (!pool->ret)
		forest_draw(&f, out);
	return pool->ret;
}

/* What stands beside a row: the interval and the word. */
static char *row_note(const struct xreport *r, int arm)
{
	const struct experiment *plan = r->run->plan;
	const struct analysis_contrast *c = &r->a->tables[0].arm[arm].contrast;
	char interval[XREPORT_TEXT], mean[XREPORT_TEXT];
	bool control = plan->arms[arm].role == ARM_CONTROL;

	return str_printf("%s %s%s%s", xreport_number(r, &plan->metric, c->gain.mean, true, mean),
			  c->gain.n ? xreport_interval(r, &plan->metric, &c->gain, interval) : "",
			  control ? "" : "  ", control ? "" : verdict_name(c->verdict.word));
}

static int draw_arms(const struct xreport *r, struct pool *pool, struct strbuf *out)
{
	const struct experiment *plan = r->run->plan;
	struct forest_row *rows = keep(pool, calloc((size_t)plan->nr_arms, sizeof(*rows)));
	struct forest f = {
		.title = "All arms: gains of single seeds, their mean and its interval",
		.x_title = gain_title(r, pool), .delta = plan->delta, .width = WIDE, .rows = rows,
	};

	for (int arm = 0; arm < plan->nr_arms && !pool->ret; arm++) {
		const struct stats_paired *gain = &r->a->tables[0].arm[arm].contrast.gain;

		if (arm == plan->baseline)
			continue;
		rows[f.nr] = (struct forest_row){
			.label = plan->arms[arm].name, .value = gain->mean, .low = gain->low,
			.high = gain->high, .colour = xreport_colour(r, arm),
			.points = column(r, pool, arm, true), .nr_points = plan->nr_seeds,
			.strong = arm == plan->primary,
		};
		rows[f.nr++].note = keep(pool, row_note(r, arm));
	}
	if (!pool->ret && f.nr)
		forest_draw(&f, out);
	return pool->ret;
}

static int draw_arm(const struct xreport *r, struct pool *pool, int arm, char *const *labels,
		    struct strbuf *out)
{
	int ret;

	strbuf_adds(out, "<div class=\"charts\">\n<div>");
	ret = draw_pairs(r, pool, arm, labels, out);
	strbuf_adds(out, "</div>\n<div>");
	if (!ret)
		ret = draw_gains(r, pool, arm, labels, out);
	strbuf_adds(out, "</div>\n</div>\n");
	return ret;
}

/* Those that are not the hypothesis: folded. */
static int draw_others(const struct xreport *r, struct pool *pool, char *const *labels,
		       struct strbuf *out)
{
	const struct experiment *plan = r->run->plan;
	int ret = 0;

	strbuf_adds(out, "<details><summary>the other arms, seed by seed</summary>\n");
	for (int arm = 0; arm < plan->nr_arms && !ret; arm++)
		if (arm != plan->baseline && arm != plan->primary)
			ret = draw_arm(r, pool, arm, labels, out);
	strbuf_adds(out, "</details>\n");
	return ret;
}

int xreport_figures(const struct xreport *r, struct strbuf *out)
{
	const struct experiment *plan = r->run->plan;
	struct pool pool = { 0 };
	char **labels = seed_labels(r, &pool);
	int ret = pool.ret;

	if (!ret && plan->primary >= 0)
		ret = draw_arm(r, &pool, plan->primary, labels, out);
	strbuf_adds(out, "<div class=\"charts\"><div class=\"wide\">");
	if (!ret)
		ret = draw_arms(r, &pool, out);
	strbuf_adds(out, "</div></div>\n");
	if (!ret && plan->nr_arms > 1 + (plan->primary >= 0))
		ret = draw_others(r, &pool, labels, out);
	empty(&pool);
	return ret;
}

/* ---- curves over the training ------------------------------------------------------------ */

/** struct series - curves of one arm: what is drawn of a run, and where. */
struct series {
	const struct report_run *run;
	const double *x, *y;
	size_t nr;
};

static struct series held_out(struct pool *pool, const struct report_run *run)
{
	double *x = numbers(pool, run->nr_evals), *y = numbers(pool, run->nr_evals);

	for (size_t i = 0; i < run->nr_evals && x && y; i++) {
		x[i] = run->evals[i].tokens;
		y[i] = run->evals[i].loss;
	}
	return (struct series){ run, x, y, x && y ? run->nr_evals : 0 };
}

static struct series smoothed(const struct report_run *run)
{
	return (struct series){ run, run->col[COL_TOKENS], run->smooth_loss, run->nr };
}

/* Means of curves where all of them are, which have their points at the same places. */
static struct series mean_of(struct pool *pool, const struct series *s, int nr)
{
	struct series mean = { 0 };
	double *y;

	if (!nr)
		return mean;
	mean = s[0];
	for (int k = 1; k < nr; k++)
		for (size_t i = 0; i < mean.nr; i++)
			if (i >= s[k].nr || s[k].x[i] != mean.x[i])
				mean.nr = i;
	mean.y = y = numbers(pool, mean.nr);
	for (size_t i = 0; i < mean.nr && y; i++) {
		for (int k = 0; k < nr; k++)
			y[i] += s[k].y[i] / nr;
	}
	mean.nr = y ? mean.nr : 0;
	return mean;
}

/** struct drawing - a chart of all arms under way. */
struct drawing {
	const struct xreport *r;
	struct pool pool;
	struct chart_line *lines;
	int nr;
};

static void add_line(struct drawing *d, enum chart_kind kind, int arm, const struct series *s)
{
	if (s->nr)
		d->lines[d->nr++] = (struct chart_line){
			.kind = kind, .colour = xreport_colour(d->r, arm),
			.name = d->r->run->plan->arms[arm].name, .x = s->x, .y = s->y, .nr = s->nr,
		};
}

static void add_arm(struct drawing *d, int arm, bool evals, struct series *seeds)
{
	const struct experiment *plan = d->r->run->plan;
	struct series mean;
	int nr = 0;

	for (int seed = 0; seed < plan->nr_seeds; seed++) {
		const struct report_run *run = xreport_run(d->r, arm, seed);

		if (!run)
			continue;
		seeds[nr] = evals ? held_out(&d->pool, run) : smoothed(run);
		if (seeds[nr].nr)
			add_line(d, CHART_FAINT, arm, &seeds[nr++]);
	}
	mean = mean_of(&d->pool, seeds, nr);
	add_line(d, evals ? CHART_DOTS : CHART_LINE, arm, &mean);
}

/* The gain of an arm in held-out loss, seed by seed, and its mean. */
static void add_arm_gain(struct drawing *d, int arm, struct series *seeds)
{
	const struct experiment *plan = d->r->run->plan;
	struct series mean;
	int nr = 0;

	for (int seed = 0; seed < plan->nr_seeds; seed++) {
		const struct report_run *run = xreport_run(d->r, arm, seed);
		const struct report_run *base = xreport_run(d->r, plan->baseline, seed);
		struct series a, b;
		double *y;

		if (!run || !base)
			continue;
		a = held_out(&d->pool, run);
		b = held_out(&d->pool, base);
		while (a.nr && (a.nr > b.nr || a.x[a.nr - 1] != b.x[a.nr - 1]))
			a.nr--;
		y = numbers(&d->pool, a.nr);
		for (size_t i = 0; i < a.nr && y; i++)
			y[i] = b.y[i] - a.y[i];
		a.y = y;
		if (!a.nr || !y)
			continue;
		seeds[nr++] = a;
		add_line(d, CHART_FAINT, arm, &a);
	}
	mean = mean_of(&d->pool, seeds, nr);
	add_line(d, CHART_DOTS, arm, &mean);
}

static int draw_curves(const struct xreport *r, int what, const struct chart *like,
		       struct strbuf *out)
{
	const struct experiment *plan = r->run->plan;
	size_t most = (size_t)plan->nr_arms * ((size_t)plan->nr_seeds + 1);
	struct drawing d = { .r = r, .lines = calloc(most, sizeof(*d.lines)) };
	struct series *seeds = calloc((size_t)plan->nr_seeds, sizeof(*seeds));
	struct chart c = *like;
	int ret = d.lines && seeds ? 0 : fail_nomem(0, "curves");

	for (int arm = 0; arm < plan->nr_arms && !ret; arm++) {
		if (what < 2)
			add_arm(&d, arm, what == 0, seeds);
		else if (arm != plan->baseline)
			add_arm_gain(&d, arm, seeds);
		ret = d.pool.ret;
	}
	c.lines = d.lines;
	c.nr_lines = d.nr;
	if (!ret)
		ret = chart_draw(&c, out);
	free(seeds);
	free(d.lines);
	empty(&d.pool);
	return ret;
}

static void add_legend(const struct xreport *r, struct strbuf *out)
{
	const struct experiment *plan = r->run->plan;

	strbuf_adds(out, "<ul class=\"legend\">\n");
	for (int arm = 0; arm < plan->nr_arms; arm++) {
		int colour = xreport_colour(r, arm);

		strbuf_addf(out, "<li><svg viewBox=\"0 0 280 120\" aria-hidden=\"true\"><path "
			    "class=\"line c%d%s\" d=\"M10 60h260\"/></svg>",
			    colour % CHART_COLOURS, colour >= CHART_COLOURS ? " dash" : "");
		escape_html(out, plan->arms[arm].name);
		strbuf_adds(out, "</li>\n");
	}
	strbuf_adds(out, "</ul>\n<p class=\"dim\">Pale: single seeds. Strong: the mean where all "
		    "of them are.</p>\n");
}

static bool differs_in_noise(const struct xreport *r)
{
	for (int i = 0; i < r->a->nr_diff; i++)
		if (!strncmp(params[r->a->diff[i]].name, "DATA_NOISE", strlen("DATA_NOISE")))
			return true;
	return false;
}

int xreport_curves(const struct xreport *r, struct strbuf *out)
{
	const struct chart charts[] = {
		{ .title = "Held-out loss", .y_title = "nats/token", .x_title = "tokens",
		  .x_unit = AXIS_COUNT, .log_ratio = 2.5, .width = WIDE, .height = 360 },
		{ .title = "Training loss, smoothed", .y_title = "nats/token", .x_title = "tokens",
		  .x_unit = AXIS_COUNT, .log_ratio = 2.5, .width = HALF, .height = 270 },
		{ .title = "Gain in held-out loss over the baseline", .y_title = "nats/token",
		  .x_title = "tokens", .x_unit = AXIS_COUNT, .from_zero = true, .width = HALF,
		  .height = 270 },
	};
	int ret = 0;

	add_legend(r, out);
	strbuf_adds(out, "<div class=\"charts\">\n");
	for (int i = 0; i < 3 && !ret; i++) {
		strbuf_adds(out, i ? "<div>" : "<div class=\"wide\">");
		ret = draw_curves(r, i, &charts[i], out);
		strbuf_adds(out, "</div>\n");
	}
	strbuf_adds(out, "</div>\n");
	if (differs_in_noise(r))
		strbuf_adds(out, "<p class=\"dim\">Arms differ in DATA_NOISE: training losses of "
			    "other targets are no comparison. Held-out text has no noise.</p>\n");
	return ret;
}

/* ---- metrics over the shares of the training ----------------------------------------- */

static void add_share_line(struct drawing *d, const struct experiment_metric *metric, int arm)
{
	const struct analysis *a = d->r->a;
	const struct experiment *plan = d->r->run->plan;
	double *y = numbers(&d->pool, (size_t)plan->nr_at);
	struct series s = { .x = plan->at, .y = y, .nr = y ? (size_t)plan->nr_at : 0 };

	for (int at = 0; at < plan->nr_at && y; at++)
		y[at] = NAN;
	for (int t = 0; t < a->nr_tables && y; t++)
		if (a->tables[t].metric == metric)
			y[a->tables[t].at] = a->tables[t].arm[arm].mean;
	add_line(d, CHART_DOTS, arm, &s);
}

static int draw_share(const struct xreport *r, const struct experiment_metric *metric,
		      struct strbuf *out)
{
	const struct experiment *plan = r->run->plan;
	struct drawing d = { .r = r, .lines = calloc((size_t)plan->nr_arms, sizeof(*d.lines)) };
	struct chart c = {
		.title = metric->name, .y_title = metric->unit, .x_title = "share of the training",
		.x_most = 1, .log_ratio = 20, .width = HALF, .height = 250, .lines = d.lines,
	};
	int ret = d.lines ? 0 : fail_nomem(0, "curves");

	for (int arm = 0; arm < plan->nr_arms && !ret; arm++) {
		add_share_line(&d, metric, arm);
		ret = d.pool.ret;
	}
	c.nr_lines = d.nr;
	strbuf_adds(out, "<div>");
	if (!ret)
		ret = chart_draw(&c, out);
	strbuf_adds(out, "</div>\n");
	free(d.lines);
	empty(&d.pool);
	return ret;
}

int xreport_course(const struct xreport *r, struct strbuf *out)
{
	const struct experiment *plan = r->run->plan;
	int ret;

	add_legend(r, out);
	strbuf_adds(out, "<div class=\"charts\">\n");
	ret = draw_share(r, &plan->metric, out);
	for (int i = 0; i < plan->nr_more && !ret; i++)
		ret = draw_share(r, &plan->more[i], out);
	strbuf_adds(out, "</div>\n");
	return ret;
}
