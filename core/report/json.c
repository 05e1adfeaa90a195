// SPDX-License-Identifier: MIT
/*
 * The report as JSON, for programs: Documentation/formats/report.md.
 */
#include "io/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/build-info.h"
#include "base/fail.h"
#include "data/utf8.h"
#include "io/run.h"
#include "report/decimate.h"
#include "report/facts.h"
#include "report/figures.h"

#define FORMAT 1
#define COLUMNS 500	/* of the curves, which keep about twice as many steps */

/* What begins with a comma unless it is the first inside its object or list. */
static void separate(struct strbuf *out)
{
	char before = out->len ? out->s[out->len - 1] : '{';

	if (before != '{' && before != '[')
		strbuf_addc(out, ',');
}

static void add_text(struct strbuf *out, const char *text)
{
	struct strbuf clean;

	strbuf_init(&clean);
	utf8_clean(&clean, text, strlen(text));
	json_add_string(out, clean.s);
	out->failed |= clean.failed;
	strbuf_free(&clean);
}

static void add_key(struct strbuf *out, const char *key)
{
	separate(out);
	add_text(out, key);
	strbuf_addc(out, ':');
}

static void put_text(struct strbuf *out, const char *key, const char *text)
{
	add_key(out, key);
	add_text(out, text);
}

static void put_number(struct strbuf *out, const char *key, double value)
{
	add_key(out, key);
	json_add_double(out, value);
}

static void open_key(struct strbuf *out, const char *key, char bracket)
{
	add_key(out, key);
	strbuf_addc(out, bracket);
}

static void put_column(struct strbuf *out, const char *key, const double *values,
		       const size_t *keep, size_t nr)
{
	open_key(out, key, '[');
	for (size_t i = 0; i < nr; i++) {
		separate(out);
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
	open_key(out, "train", '{');
	for (int c = 0; c < COL_COUNT; c++)
		put_column(out, report_column_key[c], run->col[c], keep, nr);
	put_column(out, "loss_mean", run->smooth_loss, keep, nr);
	strbuf_addc(out, '}');
	free(keep);
	return 0;
}

static void put_figures(struct strbuf *out, const struct report_run *run)
{
	open_key(out, "figures", '{');
	for (int f = 0; f < FIGURE_COUNT; f++)
		put_number(out, figures[f].key, figure_value(run, f));
	strbuf_addc(out, '}');
}

static void put_events(struct strbuf *out, const struct report_run *run)
{
	open_key(out, "eval", '[');
	for (size_t i = 0; i < run->nr_evals; i++) {
		separate(out);
		strbuf_addc(out, '{');
		put_number(out, "step", run->evals[i].step);
		put_number(out, "tokens", run->evals[i].tokens);
		put_number(out, "elapsed", run->evals[i].elapsed);
		put_number(out, "loss", run->evals[i].loss);
		put_number(out, "nats_per_byte", run->evals[i].nats_per_byte);
		put_number(out, "measured", run->evals[i].measured);
		strbuf_addc(out, '}');
	}
	strbuf_addc(out, ']');
	open_key(out, "samples", '[');
	for (size_t i = 0; i < run->nr_samples; i++) {
		separate(out);
		strbuf_addc(out, '{');
		put_number(out, "step", run->samples[i].step);
		put_number(out, "tokens", run->samples[i].tokens);
		put_text(out, "prompt", run->samples[i].prompt);
		put_text(out, "text", run->samples[i].text);
		strbuf_addc(out, '}');
	}
	strbuf_addc(out, ']');
	open_key(out, "resumes", '[');
	for (size_t i = 0; i < run->nr_resumes; i++) {
		separate(out);
		strbuf_addc(out, '{');
		put_number(out, "step", run->resumes[i].step);
		put_text(out, "time", run->resumes[i].time);
		strbuf_addc(out, '}');
	}
	strbuf_addc(out, ']');
}

static void put_config(struct strbuf *out, const struct report_run *run)
{
	open_key(out, "config", '{');
	for (int id = 0; id < PARAM_COUNT; id++)
		if (!params[id].is_local)
			put_text(out, params[id].name, config_text(run->cfg, id));
	strbuf_addc(out, '}');
	open_key(out, "changed", '[');
	for (int id = 0; id < PARAM_COUNT; id++) {
		if (!facts_is_changed(run, id))
			continue;
		separate(out);
		add_text(out, params[id].name);
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
		separate(out);
		add_text(out, line.s);
		out->failed |= line.failed;
		strbuf_free(&line);
	}
	strbuf_addc(out, ']');
}

static void put_fact(void *ctx, const char *key, const char *value, bool is_list)
{
	struct strbuf *out = ctx;

	add_key(out, key);
	if (is_list)
		put_list(out, value);
	else
		add_text(out, value);
}

static int put_run(struct strbuf *out, const struct report_run *run)
{
	int ret;

	separate(out);
	strbuf_addc(out, '{');
	put_text(out, "name", run->name);
	put_text(out, "path", run->folder->path);
	put_text(out, "state", figures_state_key(run));
	if (run->state == REPORT_FAILED)
		put_text(out, "failure", run->failure);
	put_number(out, "steps_planned", run->steps_planned);
	put_figures(out, run);
	ret = put_steps(out, run);
	put_events(out, run);
	put_config(out, run);
	open_key(out, "provenance", '{');
	if (!ret)
		ret = facts_walk(run, put_fact, out);
	strbuf_adds(out, "}}");
	return ret;
}

static int write_json(const struct report *r, struct strbuf *out)
{
	int ret = 0;

	strbuf_addc(out, '{');
	put_number(out, "format", FORMAT);
	put_text(out, "program", "knlp");
	put_text(out, "version", knlp_version());
	open_key(out, "runs", '[');
	for (int i = 0; i < r->nr && !ret; i++)
		ret = put_run(out, r->run[i]);
	strbuf_adds(out, "]}\n");
	return ret;
}

static const struct report_format json = { .name = "json", .write = write_json };
REPORT_FORMAT_REGISTER(json);
