// SPDX-License-Identifier: MIT
/*
 * The report as a page: one file without scripts, that fetches nothing.
 */
#include <math.h>

#include "base/build-info.h"
#include "base/format.h"
#include "io/run.h"
#include "report/chart.h"
#include "report/escape.h"
#include "report/facts.h"
#include "report/figures.h"
#include "report/html-charts.h"
#include "report/html-style.h"
#include "report/masks.h"

#define NAMES_MAX 4	/* in the heading */

static void add_cell(struct strbuf *out, const char *tag, const char *text)
{
	strbuf_addf(out, "<%s>", tag);
	escape_html(out, text);
	strbuf_addf(out, "</%.2s>", tag);
}

static void add_heading(struct strbuf *out, const struct report *r)
{
	struct strbuf verdict;

	strbuf_init(&verdict);
	figures_verdict(r, &verdict);
	strbuf_adds(out, "<h1>");
	for (int i = 0; i < r->nr && r->nr <= NAMES_MAX; i++) {
		strbuf_adds(out, i ? ", " : "");
		escape_html(out, r->run[i]->name);
	}
	if (r->nr > NAMES_MAX)
		strbuf_addf(out, "%d runs", r->nr);
	strbuf_adds(out, "</h1>\n<p class=\"verdict\">");
	escape_html(out, verdict.s);
	strbuf_adds(out, "</p>\n");
	out->failed |= verdict.failed;
	strbuf_free(&verdict);
}

/* ---- figures ---- */

static void add_tiles(struct strbuf *out, const struct report_run *run)
{
	char text[FIGURE_TEXT_MAX];

	strbuf_adds(out, "<div class=\"tiles\">\n");
	for (int f = 0; f < FIGURE_COUNT; f++) {
		if (f == FIGURE_BEST_STEP)	/* stands beside the best loss */
			continue;
		strbuf_addf(out, "<div class=\"tile\"><span>%s</span><b>%s</b><small>%s",
			    figures[f].label, figure_text(run, f, text), figures[f].unit);
		if (f == FIGURE_BEST && isfinite(figure_value(run, f)))
			strbuf_addf(out, ", step %s", figure_text(run, FIGURE_BEST_STEP, text));
		strbuf_adds(out, "</small></div>\n");
	}
	strbuf_adds(out, "</div>\n");
}

static bool is_lowest(const struct report *r, int i, enum report_figure f)
{
	enum report_compared how = figures_compared(r);
	double v = figure_value(r->run[i], f);

	if (f > FIGURE_BEST || !isfinite(v) || how == COMPARED_NOT ||
	    (how == COMPARED_PER_BYTE && f != FIGURE_PER_BYTE))
		return false;
	for (int k = 0; k < r->nr; k++)
		if (figure_value(r->run[k], f) < v)
			return false;
	return true;
}

static void add_figures_row(struct strbuf *out, const struct report *r, int i)
{
	char text[FIGURE_TEXT_MAX];
	struct strbuf state;

	strbuf_init(&state);
	figures_state(r->run[i], &state);
	strbuf_addf(out, "<tr><th title=\"");
	escape_html(out, state.s);
	strbuf_adds(out, "\">");
	escape_html(out, r->run[i]->name);
	strbuf_addf(out, "</th><td>%s</td>", figures_state_key(r->run[i]));
	for (int f = 0; f < FIGURE_COUNT; f++)
		if (f != FIGURE_BEST_STEP)
			strbuf_addf(out, "<td class=\"num%s\">%s</td>",
				    is_lowest(r, i, f) ? " best" : "",
				    figure_text(r->run[i], f, text));
	strbuf_adds(out, "</tr>\n");
	out->failed |= state.failed;
	strbuf_free(&state);
}

static void add_figures_table(struct strbuf *out, const struct report *r)
{
	strbuf_adds(out, "<div class=\"scroll\"><table class=\"figures\">\n<thead><tr>"
		    "<th>Run</th><th>State</th>");
	for (int f = 0; f < FIGURE_COUNT; f++)
		if (f != FIGURE_BEST_STEP)
			strbuf_addf(out, "<th class=\"num\">%s<small>%s</small></th>",
				    figures[f].label, figures[f].unit);
	strbuf_adds(out, "</tr></thead>\n<tbody>\n");
	for (int i = 0; i < r->nr; i++)
		add_figures_row(out, r, i);
	strbuf_adds(out, "</tbody></table></div>\n");
}

/* ---- samples ---- */

static void add_sample(struct strbuf *out, const struct report_sample *s)
{
	char step[FORMAT_MAX], tokens[FORMAT_MAX];

	strbuf_addf(out, "<h3>Step %s, %s tokens</h3>\n<pre>",
		    format_grouped(step, (int64_t)s->step), format_count(tokens, s->tokens));
	if (*s->prompt) {
		strbuf_adds(out, "<span class=\"prompt\">");
		escape_html(out, s->prompt);
		strbuf_adds(out, "</span>");
	}
	escape_html(out, s->text);
	strbuf_adds(out, "</pre>\n");
}

/* The newest one in view, those before it folded. */
static void add_samples(struct strbuf *out, const struct report *r)
{
	bool heading = false;

	for (int i = 0; i < r->nr; i++) {
		const struct report_run *run = r->run[i];

		if (!run->nr_samples)
			continue;
		if (!heading)
			strbuf_adds(out, "<h2>What it writes</h2>\n");
		heading = true;
		if (r->nr > 1)
			add_cell(out, "h3", run->name);
		add_sample(out, &run->samples[run->nr_samples - 1]);
		if (run->nr_samples < 2)
			continue;
		strbuf_addf(out, "<details><summary>%zu earlier</summary>\n", run->nr_samples - 1);
		for (size_t k = run->nr_samples - 1; k-- > 0;)
			add_sample(out, &run->samples[k]);
		strbuf_adds(out, "</details>\n");
	}
}

/* ---- configuration ---- */

static void add_parameter(struct strbuf *out, const struct report *r, int id, bool with_default)
{
	strbuf_adds(out, "<tr><th title=\"");
	escape_html(out, param_words(&params[id])->prompt);
	strbuf_addf(out, "\"><code>%s</code></th>", params[id].name);
	for (int i = 0; i < r->nr; i++)
		add_cell(out, "td class=\"mono\"", config_text(r->run[i]->cfg, id));
	if (with_default)
		add_cell(out, "td class=\"mono\"", config_text(r->run[0]->plain, id));
	strbuf_adds(out, "</tr>\n");
}

static void add_parameter_head(struct strbuf *out, const struct report *r, bool with_default)
{
	strbuf_adds(out, "<div class=\"scroll\"><table>\n<thead><tr><th>Parameter</th>");
	for (int i = 0; i < r->nr; i++)
		add_cell(out, "th", r->nr > 1 ? r->run[i]->name : "Value");
	strbuf_adds(out, with_default ? "<th>Default</th></tr></thead>\n<tbody>\n" :
					"</tr></thead>\n<tbody>\n");
}

static bool changed_somewhere(const struct report *r, int id)
{
	bool changed = false;

	for (int i = 0; i < r->nr; i++)
		changed |= facts_is_changed(r->run[i], id);
	return changed;
}

static void add_config(struct strbuf *out, const struct report *r)
{
	int differ = 0;

	strbuf_adds(out, "<h2>Configuration</h2>\n");
	for (int id = 0; id < PARAM_COUNT; id++)
		differ += facts_differ(r, id);
	if (differ) {
		strbuf_adds(out, "<h3>Where the runs differ</h3>\n");
		add_parameter_head(out, r, false);
		for (int id = 0; id < PARAM_COUNT; id++)
			if (facts_differ(r, id))
				add_parameter(out, r, id, false);
		strbuf_adds(out, "</tbody></table></div>\n");
	} else if (r->nr > 1) {
		strbuf_adds(out, "<p>The runs have the same configuration.</p>\n");
	}
	strbuf_adds(out, "<h3>Other than the defaults</h3>\n");
	add_parameter_head(out, r, r->nr == 1);
	for (int id = 0; id < PARAM_COUNT; id++)
		if (changed_somewhere(r, id))
			add_parameter(out, r, id, r->nr == 1);
	strbuf_adds(out, "</tbody></table></div>\n<details><summary>all parameters</summary>\n");
	add_parameter_head(out, r, false);
	for (int id = 0; id < PARAM_COUNT; id++)
		if (!params[id].is_local)
			add_parameter(out, r, id, false);
	strbuf_adds(out, "</tbody></table></div></details>\n");
}

/* ---- provenance ---- */

static void add_fact(void *ctx, const char *key, const char *value, bool is_list)
{
	struct strbuf *out = ctx;
	size_t lines = 1;

	for (const char *s = value; *s; s++)
		lines += *s == '\n';
	strbuf_adds(out, "<tr><th>");
	escape_html(out, key);
	strbuf_adds(out, "</th><td class=\"mono\">");
	if (is_list && lines > 3)
		strbuf_addf(out, "<details><summary>%zu</summary>", lines);
	strbuf_adds(out, "<div class=\"lines\">");
	escape_html(out, value);
	strbuf_adds(out, "</div>");
	strbuf_adds(out, is_list && lines > 3 ? "</details></td></tr>\n" : "</td></tr>\n");
}

static int add_provenance(struct strbuf *out, const struct report *r)
{
	int ret = 0;

	strbuf_adds(out, "<h2>What ran, on what</h2>\n");
	for (int i = 0; i < r->nr && !ret; i++) {
		if (r->nr > 1) {
			strbuf_adds(out, "<details><summary>");
			escape_html(out, r->run[i]->name);
			strbuf_adds(out, "</summary>\n");
		}
		strbuf_adds(out, "<table><tbody>\n");
		ret = facts_walk(r->run[i], add_fact, out);
		add_fact(out, "run folder", r->run[i]->folder->path, false);
		strbuf_adds(out, "</tbody></table>\n");
		if (r->nr > 1)
			strbuf_adds(out, "</details>\n");
	}
	return ret;
}

static int write_html(const struct report *r, struct strbuf *out)
{
	int ret;

	strbuf_adds(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
		    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
	strbuf_adds(out, "<title>");
	escape_html(out, r->run[0]->name);
	strbuf_addf(out, "%s - knlp report</title>\n<style>\n%s</style>\n</head>\n<body>\n",
		    r->nr > 1 ? " and others" : "", html_style);
	add_heading(out, r);
	if (r->nr == 1)
		add_tiles(out, r->run[0]);
	else
		add_figures_table(out, r);
	strbuf_adds(out, "<h2>Curves</h2>\n");
	ret = html_charts(r, out);
	if (!ret)
		ret = masks_html(r, out);
	add_samples(out, r);
	add_config(out, r);
	if (!ret)
		ret = add_provenance(out, r);
	strbuf_addf(out, "<footer>Written by knlp %s from the folder%s of the run%s.</footer>\n"
		    "</body>\n</html>\n", knlp_version(), r->nr > 1 ? "s" : "",
		    r->nr > 1 ? "s" : "");
	return ret;
}

static const struct report_format html = { .name = "html", .write = write_html };
REPORT_FORMAT_REGISTER(html);
