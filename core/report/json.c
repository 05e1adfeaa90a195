// SPDX-License-Identifier: MIT
/*
 * The report as JSON, for programs: Documentation/formats/report.md.
 */
#include "io/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/build-info.h"
#include "base/fail.h"
#include "io/run.h"
#include "report/decimate.h"
#include "report/facts.h"
#include "report/figures.h"
#include "report/json-put.h"
#include "report/masks.h"

#define FORMAT 1
#define COLUMNS 500	/* of the curves, which keep about twice as many steps */

static void put_column(struct strbuf *out, const char *key, const double *values,
		       const size_t *keep, size_t nr)
{
	json_put_open(out, key, '[');
	for (size_t i = 0; i < nr; i++) {
		json_put_separator(out);
		json_add_double(out, values[keep[i]]);
	}
	strbuf_addc(out, ']');
}

/* Steps are chosen by the loss, so that its spikes are among them. */
static int put_steps(struct strbuf *out, const struct report_run *run)
{
	size_t *keep = calloc(DECIMATE_PER_COLUMN * COLUMNS + 2, sizeof(*keep)), nr;

	if (!keep)
		return fail_nomem(COLUMNS * sizeof(*keep), "a curve");
	nr = run->nr ? decimate(run->col[COL_STEP], run->col[COL_LOSS], run->nr,
				run->col[COL_STEP][0], run->col[COL_STEP][run->nr - 1], COLUMNS,
				keep) : 0;
	json_put_open(out, "train", '{');
	for (int c = 0; c < COL_COUNT; c++)
		put_column(out, report_column_key[c], run->col[c], keep, nr);
	put_column(out, "loss_mean", run->smooth_loss, keep, nr);
	strbuf_addc(out, '}');
	free(keep);
	return 0;
}

static void put_figures(struct strbuf *out, const struct report_run *run)
{
	json_put_open(out, "figures", '{');
	for (int f = 0; f < FIGURE_COUNT; f++)
		json_put_number(out, figures[f].key, figure_value(run, f));
	strbuf_addc(out, '}');
}

static void put_events(struct strbuf *out, const struct report_run *run)
{
	json_put_open(out, "eval", '[');
	for (size_t i = 0; i < run->nr_evals; i++) {
		json_put_separator(out);
		strbuf_addc(out, '{');
		json_put_number(out, "step", run->evals[i].step);
		json_put_number(out, "tokens", run->evals[i].tokens);
		json_put_number(out, "elapsed", run->evals[i].elapsed);
		json_put_number(out, "loss", run->evals[i].loss);
		json_put_number(out, "nats_per_byte", run->evals[i].nats_per_byte);
		json_put_number(out, "measured", run->evals[i].measured);
		strbuf_addc(out, '}');
	}
	strbuf_addc(out, ']');
	json_put_open(out, "samples", '[');
	for (size_t i = 0; i < run->nr_samples; i++) {
		json_put_separator(out);
		strbuf_addc(out, '{');
		json_put_number(out, "step", run->samples[i].step);
		json_put_number(out, "tokens", run->samples[i].tokens);
		json_put_text(out, "prompt", run->samples[i].prompt);
		json_put_text(out, "text", run->samples[i].text);
		strbuf_addc(out, '}');
	}
	strbuf_addc(out, ']');
	json_put_open(out, "resumes", '[');
	for (size_t i = 0; i < run->nr_resumes; i++) {
		json_put_separator(out);
		strbuf_addc(out, '{');
		json_put_number(out, "step", run->resumes[i].step);
		json_put_text(out, "time", run->resumes[i].time);
		strbuf_addc(out, '}');
	}
	strbuf_addc(out, ']');
}

static void put_masks(struct strbuf *out, const struct report_run *run)
{
	if (run->nr_masks)
		masks_json(run, out);
}

static void put_config(struct strbuf *out, const struct report_run *run)
{
	json_put_open(out, "config", '{');
	for (int id = 0; id < PARAM_COUNT; id++)
		if (!params[id].is_local)
			json_put_text(out, params[id].name, config_text(run->cfg, id));
	strbuf_addc(out, '}');
	json_put_open(out, "changed", '[');
	for (int id = 0; id < PARAM_COUNT; id++) {
		if (!facts_is_changed(run, id))
			continue;
		json_put_separator(out);
		json_put_item(out, params[id].name);
	}
	strbuf_addc(out, ']');
}

static void put_list(struct strbuf *out, const char *lines)
{
	strbuf_addc(out, '[');
	for (size_t len; *lines; lines += len + (lines[len] == '\n')) {
		struct strbuf line;

		len = strcspn(lines, "\n");
		strbuf_init(&line);
		strbuf_add(&line, lines, len);
		json_put_separator(out);
		json_put_item(out, line.s);
		out->failed |= line.failed;
		strbuf_free(&line);
	}
	strbuf_addc(out, ']');
}

static void put_fact(void *ctx, const char *key, const char *value, bool is_list)
{
	struct strbuf *out = ctx;

	json_put_key(out, key);
	if (is_list)
		put_list(out, value);
	else
		json_put_item(out, value);
}

static int put_run(struct strbuf *out, const struct report_run *run)
{
	int ret;

	json_put_separator(out);
	strbuf_addc(out, '{');
	json_put_text(out, "name", run->name);
	json_put_text(out, "path", run->folder->path);
	json_put_text(out, "state", figures_state_key(run));
	if (run->state == REPORT_FAILED)
		json_put_text(out, "failure", run->failure);
	json_put_number(out, "steps_planned", run->steps_planned);
	put_figures(out, run);
	ret = put_steps(out, run);
	put_events(out, run);
	put_masks(out, run);
	put_config(out, run);
	json_put_open(out, "provenance", '{');
	if (!ret)
		ret = facts_walk(run, put_fact, out);
	strbuf_adds(out, "}}");
	return ret;
}

static int write_json(const struct report *r, struct strbuf *out)
{
	int ret = 0;

	strbuf_addc(out, '{');
	json_put_number(out, "format", FORMAT);
	json_put_text(out, "program", "knlp");
	json_put_text(out, "version", knlp_version());
	json_put_open(out, "runs", '[');
	for (int i = 0; i < r->nr && !ret; i++)
		ret = put_run(out, r->run[i]);
	strbuf_adds(out, "]}\n");
	return ret;
}

static const struct report_format json = { .name = "json", .write = write_json };
REPORT_FORMAT_REGISTER(json);
