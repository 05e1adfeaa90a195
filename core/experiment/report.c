// SPDX-License-Identifier: MIT
#include "experiment/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "data/dataset.h"
#include "experiment/internal.h"
#include "experiment/report-internal.h"
#include "io/run.h"
#include "train/trainer.h"

/* ---- small texts ------------------------------------------------------------------- */

const struct report_run *xreport_run(const struct xreport *r, int arm, int seed)
{
	return r->cell[arm * r->run->plan->nr_seeds + seed];
}

const char *xreport_unit(const struct xreport *r, char text[XREPORT_TEXT])
{
	const char *unit = r->run->plan->metric.unit;

	snprintf(text, XREPORT_TEXT, "%s%s", *unit ? " " : "", unit);
	return text;
}

/* Two digits behind the first of the smallest gain worth claiming. */
static int decimals(const struct experiment *plan)
{
	double places = plan->delta > 0 ? ceil(-log10(plan->delta) - 1e-9) + 2 : 4;

	return (int)fmin(9, fmax(0, places));
}

const char *xreport_number(const struct xreport *r, const struct experiment_metric *metric,
			   double v, bool sign, char text[XREPORT_TEXT])
{
	const struct experiment *plan = r->run->plan;

	if (isnan(v))
		snprintf(text, XREPORT_TEXT, "-");
	else if (v == 0)
		snprintf(text, XREPORT_TEXT, "0");
	else if (metric == &plan->metric && fabs(v) < 1e9)
		snprintf(text, XREPORT_TEXT, sign ? "%+.*f" : "%.*f", decimals(plan), v);
	else
		snprintf(text, XREPORT_TEXT, sign ? "%+.5g" : "%.5g", v);
	return text;
}

const char *xreport_interval(const struct xreport *r, const struct experiment_metric *metric,
			     const struct stats_paired *p, char text[XREPORT_TEXT])
{
	char low[XREPORT_TEXT], high[XREPORT_TEXT];

	if (p->n < 1 || isnan(p->low) || isnan(p->high))
		snprintf(text, XREPORT_TEXT, "-");
	else
		snprintf(text, XREPORT_TEXT, "[%.28s, %.28s]",
			 xreport_number(r, metric, p->low, true, low),
			 xreport_number(r, metric, p->high, true, high));
	return text;
}

int xreport_colour(const struct xreport *r, int arm)
{
	int baseline = r->run->plan->baseline;

	return arm == baseline ? 0 : arm < baseline ? arm + 1 : arm;
}

struct xreport_work xreport_shared(const struct report_run *cell)
{
	struct xreport_work work = { 0 };
	long long step;

	if (yml_get(cell->folder->manifest, "fork_step") &&
	    !yml_int(cell->folder->manifest, "fork_step", &step))
		for (size_t i = 0; i < cell->nr && cell->col[COL_STEP][i] <= (double)step; i++)
			work = (struct xreport_work){
				.steps = cell->col[COL_STEP][i], .tokens = cell->col[COL_TOKENS][i],
				.seconds = cell->col[COL_ELAPSED][i],
			};
	fail_clear();
	return work;
}

struct xreport_work xreport_spent(const struct xreport *r, int arm)
{
	struct xreport_work sum = { 0 };

	for (int seed = 0; seed < r->run->plan->nr_seeds; seed++) {
		const struct report_run *run = xreport_run(r, arm, seed);
		struct xreport_work shared;

		if (!run || !run->nr)
			continue;
		shared = xreport_shared(run);
		sum.steps += run->col[COL_STEP][run->nr - 1] - shared.steps;
		sum.tokens += run->col[COL_TOKENS][run->nr - 1] - shared.tokens;
		sum.seconds += run->col[COL_ELAPSED][run->nr - 1] - shared.seconds;
	}
	return sum;
}

/* ---- reading ----------------------------------------------------------------------- */

/* A cell that is only being begun is one that says nothing. Return: whether it is damaged. */
static bool read_cell(struct xreport *r, int i)
{
	char *manifest = path_join(r->run->cells[i].path, "manifest.yaml");
	bool damaged = manifest && file_exists(manifest) &&
		       report_run_read(r->run->cells[i].path, &r->cell[i]);

	free(manifest);
	return damaged;
}

static void read_trainings(struct xreport *r)
{
	int damaged = 0;

	for (int i = 0; i < r->run->nr_cells; i++)
		damaged += read_cell(r, i);
	if (damaged)
		log_warn("%d trainings cannot be read, the report shows nothing of them: %s",
			 damaged, fail_message());
	fail_clear();
}

/* What was trained with another configuration than planned is no part of the experiment. */
static int check_configs(struct xreport *r)
{
	for (int i = 0; i < r->run->nr_cells; i++) {
		if (!r->cell[i] || !cell_config_check(r->run, &r->run->cells[i]))
			continue;
		r->config[i] = strdup(fail_message());
		if (!r->config[i])
			return fail_nomem(0, "a report");
	}
	fail_clear();
	return 0;
}

static double count_flops(const struct config *cfg, struct dataset *data, struct device *dev)
{
	struct trainer *t = NULL;
	double flops = NAN;

	if (!trainer_new(cfg, data, dev, true, &t))
		flops = trainer_flops(t) * (double)trainer_shape(t)->steps;
	trainer_free(t);
	return flops;
}

/* Counted on the graphs that the stored parameters make; nothing is run. */
static double arm_flops(const struct xreport *r, int arm)
{
	const struct report_run *cell = NULL;
	struct dataset *data = NULL;
	struct device *dev = NULL;
	double flops = NAN;

	for (int seed = 0; seed < r->run->plan->nr_seeds && !cell; seed++)
		cell = xreport_run(r, arm, seed);
	if (cell && !dataset_open(r->run->data, &data) &&
	    !device_open(config_text(cell->cfg, PARAM_TRAIN_DEVICE), &dev))
		flops = count_flops(cell->cfg, data, dev);
	device_close(dev);
	dataset_close(data);
	fail_clear();
	return flops;
}

static void xreport_close(struct xreport *r)
{
	for (int i = 0; r->cell && i < r->run->nr_cells; i++)
		report_run_free(r->cell[i]);
	for (int i = 0; r->config && i < r->run->nr_cells; i++)
		free(r->config[i]);
	free(r->config);
	free(r->cell);
	free(r->flops);
	analysis_free(r->a);
}

static int xreport_open(struct xreport *r, const struct experiment_run *run)
{
	int ret = analysis_make(run, &r->a);

	r->run = run;
	if (ret)
		return ret;
	r->cell = calloc((size_t)r->run->nr_cells, sizeof(*r->cell));
	r->config = calloc((size_t)r->run->nr_cells, sizeof(*r->config));
	r->flops = calloc((size_t)r->run->plan->nr_arms, sizeof(*r->flops));
	if (!r->cell || !r->config || !r->flops)
		return fail_nomem(0, "a report");
	read_trainings(r);
	ret = check_configs(r);
	for (int i = 0; i < r->run->plan->nr_arms; i++)
		r->flops[i] = arm_flops(r, i);
	return ret;
}

/* ---- writing ------------------------------------------------------------------------ */

static const char *const formats[] = { "html", "md", "json" };
#define NR_FORMATS (sizeof(formats) / sizeof(formats[0]))

static int write_format(const struct xreport *r, const char *format, struct strbuf *out)
{
	int ret;

	if (!strcmp(format, "json"))
		ret = xreport_json(r, out);
	else if (!strcmp(format, "md"))
		ret = xreport_document(r, DOC_MARKDOWN, out);
	else if (!strcmp(format, "html"))
		ret = xreport_document(r, DOC_HTML, out);
	else
		ret = fail(-EINVAL, "no report format '%s'", format);
	return ret ? ret : strbuf_ok(out);
}

int experiment_report(const char *dir, const char *format, struct strbuf *out)
{
	struct experiment_run *run;
	struct xreport r = { 0 };
	int ret = experiment_run_open(dir, &run);

	if (ret)
		return ret;
	ret = xreport_open(&r, run);
	if (!ret)
		ret = write_format(&r, format, out);
	xreport_close(&r);
	experiment_run_close(run);
	return ret;
}

static int write_file(const struct xreport *r, const char *dir, const char *format)
{
	char *path = str_printf("%s/report.%s", dir, format);
	struct strbuf text;
	int ret = path ? 0 : fail_nomem(0, "a path");

	strbuf_init(&text);
	if (!ret)
		ret = write_format(r, format, &text);
	if (!ret)
		ret = file_write_atomic(path, text.s, text.len);
	strbuf_free(&text);
	free(path);
	return ret;
}

bool report_of_experiment(const char *dir)
{
	return experiment_is_run(dir);
}

int experiment_report_write_run(const struct experiment_run *run)
{
	struct xreport r = { 0 };
	int ret = xreport_open(&r, run);

	for (size_t i = 0; i < NR_FORMATS && !ret; i++)
		ret = write_file(&r, run->path, formats[i]);
	xreport_close(&r);
	return ret;
}

int experiment_report_write(const char *dir)
{
	struct experiment_run *run;
	int ret = experiment_run_open(dir, &run);

	if (ret)
		return ret;
	ret = experiment_report_write_run(run);
	experiment_run_close(run);
	return ret;
}
