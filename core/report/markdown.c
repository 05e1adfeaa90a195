// SPDX-License-Identifier: MIT
/*
 * The report as Markdown, for a change's description or a notebook: no curves, but the
 * evaluations as a table.
 */
#include <math.h>

#include "base/format.h"
#include "io/run.h"
#include "report/escape.h"
#include "report/facts.h"
#include "report/figures.h"
#include "report/masks.h"

#define EVAL_ROWS 20	/* of a run; of more, every second, third, ... and the last */

static void add_heading(struct strbuf *out, const struct report *r)
{
	struct strbuf verdict;

	strbuf_adds(out, "# ");
	for (int i = 0; i < r->nr; i++) {
		strbuf_adds(out, i ? ", " : "");
		escape_markdown(out, r->run[i]->name);
	}
	strbuf_adds(out, "\n\n");
	strbuf_init(&verdict);
	figures_verdict(r, &verdict);
	escape_markdown(out, verdict.s);
	out->failed |= verdict.failed;
	strbuf_free(&verdict);
	strbuf_adds(out, "\n\n");
}

static void add_unit(struct strbuf *out, const char *unit)
{
	if (*unit)
		strbuf_addf(out, " (%s)", unit);
}

static void add_figures(struct strbuf *out, const struct report *r)
{
	char text[FIGURE_TEXT_MAX];

	strbuf_adds(out, "| |");
	for (int i = 0; i < r->nr; i++) {
		strbuf_addc(out, ' ');
		escape_markdown(out, r->run[i]->name);
		strbuf_adds(out, " |");
	}
	strbuf_adds(out, "\n|---|");
	for (int i = 0; i < r->nr; i++)
		strbuf_adds(out, "---:|");
	strbuf_adds(out, "\n| State |");
	for (int i = 0; i < r->nr; i++)
		strbuf_addf(out, " %s |", figures_state_key(r->run[i]));
	for (int f = 0; f < FIGURE_COUNT; f++) {
		strbuf_addf(out, "\n| %s", figures[f].label);
		add_unit(out, figures[f].unit);
		strbuf_adds(out, " |");
		for (int i = 0; i < r->nr; i++)
			strbuf_addf(out, " %s |", figure_text(r->run[i], f, text));
	}
	strbuf_adds(out, "\n\n");
}

static void add_run_heading(struct strbuf *out, const struct report *r, int i)
{
	if (r->nr == 1)
		return;
	strbuf_adds(out, "### ");
	escape_markdown(out, r->run[i]->name);
	strbuf_adds(out, "\n\n");
}

static void add_eval_row(struct strbuf *out, const struct report_eval *e)
{
	char step[FORMAT_MAX], tokens[FORMAT_MAX], time[FORMAT_MAX], ppl[FORMAT_MAX];

	strbuf_addf(out, "| %s | %s | %s | ", format_grouped(step, (int64_t)e->step),
		    format_count(tokens, e->tokens), format_duration(time, e->elapsed));
	if (isfinite(e->loss))
		strbuf_addf(out, "%.4f | %s |\n", e->loss, format_ppl(ppl, exp(e->loss)));
	else
		strbuf_adds(out, "- | - |\n");
}

static void add_evals(struct strbuf *out, const struct report *r)
{
	bool heading = false;

	for (int i = 0; i < r->nr; i++) {
		const struct report_run *run = r->run[i];
		size_t stride = (run->nr_evals + EVAL_ROWS - 1) / EVAL_ROWS;

		if (!run->nr_evals)
			continue;
		strbuf_adds(out, heading ? "" : "## Held-out loss\n\n");
		heading = true;
		add_run_heading(out, r, i);
		strbuf_adds(out, "| step | tokens | time | nats/token | perplexity |\n"
			    "|---:|---:|---:|---:|---:|\n");
		for (size_t k = 0; k < run->nr_evals; k++)
			if ((run->nr_evals - 1 - k) % stride == 0)
				add_eval_row(out, &run->evals[k]);
		strbuf_addc(out, '\n');
	}
}

static void add_samples(struct strbuf *out, const struct report *r)
{
	bool heading = false;

	for (int i = 0; i < r->nr; i++) {
		const struct report_run *run = r->run[i];
		const struct report_sample *s;
		struct strbuf text;

		if (!run->nr_samples)
			continue;
		s = &run->samples[run->nr_samples - 1];
		strbuf_adds(out, heading ? "" : "## What it writes\n\n");
		heading = true;
		add_run_heading(out, r, i);
		strbuf_init(&text);
		strbuf_addf(&text, "%s%s", s->prompt, s->text);
		strbuf_addf(out, "At step %.0f:\n\n", s->step);
		escape_block(out, text.s);
		strbuf_addc(out, '\n');
		out->failed |= text.failed;
		strbuf_free(&text);
	}
}

/* Of several runs, what they differ in; of one, what was chosen. */
static bool is_shown(const struct report *r, int id)
{
	return r->nr > 1 ? facts_differ(r, id) : facts_is_changed(r->run[0], id);
}

static void add_config(struct strbuf *out, const struct report *r)
{
	int shown = 0;

	for (int id = 0; id < PARAM_COUNT; id++)
		shown += is_shown(r, id);
	strbuf_adds(out, r->nr > 1 ? "## What differs in the configurations\n\n" :
				     "## What differs from the default configuration\n\n");
	if (!shown) {
		strbuf_adds(out, "Nothing.\n\n");
		return;
	}
	strbuf_adds(out, "| parameter |");
	for (int i = 0; i < r->nr; i++) {
		strbuf_addc(out, ' ');
		escape_markdown(out, r->nr > 1 ? r->run[i]->name : "value");
		strbuf_adds(out, " |");
	}
	strbuf_adds(out, "\n|---|");
	for (int i = 0; i < r->nr; i++)
		strbuf_adds(out, "---|");
	strbuf_addc(out, '\n');
	for (int id = 0; id < PARAM_COUNT; id++) {
		if (!is_shown(r, id))
			continue;
		strbuf_addf(out, "| `%s` |", params[id].name);
		for (int i = 0; i < r->nr; i++) {
			strbuf_addc(out, ' ');
			escape_markdown(out, config_text(r->run[i]->cfg, id));
			strbuf_adds(out, " |");
		}
		strbuf_addc(out, '\n');
	}
	strbuf_addc(out, '\n');
}

static void add_fact(void *ctx, const char *key, const char *value, bool is_list)
{
	struct strbuf *out = ctx, list;

	strbuf_init(&list);
	for (; *value; value++)
		strbuf_add(&list, is_list && *value == '\n' ? ", " : value,
			   is_list && *value == '\n' ? 2 : 1);
	strbuf_adds(out, "| ");
	escape_markdown(out, key);
	strbuf_adds(out, " | ");
	escape_markdown(out, list.s);
	strbuf_adds(out, " |\n");
	out->failed |= list.failed;
	strbuf_free(&list);
}

static int write_markdown(const struct report *r, struct strbuf *out)
{
	int ret = 0;

	add_heading(out, r);
	add_figures(out, r);
	add_evals(out, r);
	masks_markdown(r, out);
	add_samples(out, r);
	add_config(out, r);
	strbuf_adds(out, "## What ran, on what\n\n");
	for (int i = 0; i < r->nr && !ret; i++) {
		add_run_heading(out, r, i);
		strbuf_adds(out, "| | |\n|---|---|\n");
		ret = facts_walk(r->run[i], add_fact, out);
		add_fact(out, "run folder", r->run[i]->folder->path, false);
		strbuf_addc(out, '\n');
	}
	return ret;
}

static const struct report_format markdown = { .name = "md", .write = write_markdown };
REPORT_FORMAT_REGISTER(markdown);
