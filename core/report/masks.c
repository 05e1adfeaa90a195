// SPDX-License-Identifier: MIT
#include "report/masks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/format.h"
#include "report/chart.h"
#include "report/escape.h"
#include "report/json-put.h"

bool masks_any(const struct report *r)
{
	for (int i = 0; i < r->nr; i++)
		if (r->run[i]->nr_masks)
			return true;
	return false;
}

/* ---- curves ---------------------------------------------------------------------------- */

static double churn(const struct report_masks *m)
{
	return m->changed / m->weights;
}

static double sparsity(const struct report_masks *m)
{
	return m->sparsity;
}

static double jaccard(const struct report_masks *m)
{
	return m->jaccard;
}

static double fresh(const struct report_masks *m)
{
	return m->fresh_jaccard;
}

/* struct subject - a chart: a value of each choice. */
struct subject {
	const char *title;
	double (*value)(const struct report_masks *m);
};

static const struct subject subjects[] = {
	{ "Sparsity", sparsity },
	{ "Share of weights whose mask changed", churn },
	{ "Jaccard index with the mask of |w|", jaccard },
	{ "The same of what a choice dropped", fresh },
};

/* Two arrays of @nr for each run; free the first of them. */
static double *arrays(const struct report *r, size_t *nr)
{
	double *all;

	*nr = 1;
	for (int i = 0; i < r->nr; i++) {
		*nr = r->run[i]->nr_masks + 1 > *nr ? r->run[i]->nr_masks + 1 : *nr;
		*nr = r->run[i]->nr_pruned > *nr ? r->run[i]->nr_pruned : *nr;
	}
	all = calloc(2 * *nr * r->nr, sizeof(*all));
	if (!all)
		fail_nomem(2 * *nr * r->nr * sizeof(*all), "a curve");
	return all;
}

static int draw(struct chart *c, struct chart_line *lines, int nr, struct strbuf *out)
{
	int ret;

	c->y_unit = AXIS_NUMBER;
	c->from_zero = true;
	c->width = 512;
	c->height = 250;
	c->lines = lines;
	c->nr_lines = nr;
	strbuf_adds(out, "<div>");
	ret = chart_draw(c, out);
	strbuf_adds(out, "</div>\n");
	return ret;
}

static size_t fill(const struct report_run *run, const struct subject *s, double *x, double *y)
{
	for (size_t k = 0; k < run->nr_masks; k++) {
		x[k] = run->masks[k].tokens;
		y[k] = s->value(&run->masks[k]);
	}
	return run->nr_masks;
}

static double last_tokens(const struct report_run *run)
{
	return run->nr ? run->col[COL_TOKENS][run->nr - 1] : 0;
}

static int draw_subject(const struct report *r, const struct subject *s, struct strbuf *out)
{
	struct chart_line *lines = calloc(r->nr, sizeof(*lines));
	struct chart c = { .title = s->title, .y_title = "", .x_title = "tokens",
			   .x_unit = AXIS_COUNT };
	size_t most;
	double *all = arrays(r, &most);
	int ret = lines && all ? 0 : -ENOMEM, nr = 0;

	for (int i = 0; i < r->nr && !ret; i++) {
		double *x = all + 2 * most * i, *y = x + most;
		const struct report_run *run = r->run[i];

		c.x_most = fmax(c.x_most, last_tokens(run));
		if (run->nr_masks)
			lines[nr++] = (struct chart_line){
				.kind = CHART_DOTS, .colour = i, .name = run->name, .x = x,
				.y = y, .nr = fill(run, s, x, y),
			};
	}
	if (!ret)
		ret = draw(&c, lines, nr, out);
	free(all);
	free(lines);
	return ret;
}

/* The tensors in the order of the model, layer after layer. */
static int draw_tensors(const struct report *r, struct strbuf *out)
{
	struct chart_line *lines = calloc(r->nr, sizeof(*lines));
	struct chart c = { .title = "Sparsity of each tensor at the end", .y_title = "",
			   .x_title = "number of the tensor", .x_unit = AXIS_NUMBER };
	size_t most;
	double *all = arrays(r, &most);
	int ret = lines && all ? 0 : -ENOMEM, nr = 0;

	for (int i = 0; i < r->nr && !ret; i++) {
		double *x = all + 2 * most * i, *y = x + most;
		const struct report_run *run = r->run[i];

		for (size_t k = 0; k < run->nr_pruned; k++) {
			x[k] = (double)k + 1;
			y[k] = run->pruned[k].sparsity;
		}
		if (run->nr_pruned)
			lines[nr++] = (struct chart_line){
				.kind = CHART_DOTS, .colour = i, .name = run->name, .x = x,
				.y = y, .nr = run->nr_pruned,
			};
	}
	if (!ret)
		ret = draw(&c, lines, nr, out);
	free(all);
	free(lines);
	return ret;
}

/* ---- the table ---------------------------------------------------------------------------- */

/* The run with the most tensors names the rows. */
static const struct report_run *rows_of(const struct report *r)
{
	const struct report_run *most = r->run[0];

	for (int i = 1; i < r->nr; i++)
		if (r->run[i]->nr_pruned > most->nr_pruned)
			most = r->run[i];
	return most;
}

static const struct report_pruned *find(const struct report_run *run, const char *name)
{
	for (size_t k = 0; k < run->nr_pruned; k++)
		if (!strcmp(run->pruned[k].name, name))
			return &run->pruned[k];
	return NULL;
}

static void add_row(const struct report *r, const struct report_pruned *row, struct strbuf *out)
{
	char text[FORMAT_MAX];

	strbuf_adds(out, "<tr><th>");
	escape_html(out, row->name);
	strbuf_addf(out, "</th><td class=\"num\">%s</td>",
		    format_grouped(text, (int64_t)row->weights));
	for (int i = 0; i < r->nr; i++) {
		const struct report_pruned *p = find(r->run[i], row->name);

		if (p)
			strbuf_addf(out, "<td class=\"num\">%.2f %%</td>"
				    "<td class=\"num\">%.4f</td>", 100 * p->sparsity,
				    p->jaccard);
		else
			strbuf_adds(out, "<td></td><td></td>");
	}
	strbuf_adds(out, "</tr>\n");
}

static void add_table(const struct report *r, struct strbuf *out)
{
	const struct report_run *rows = rows_of(r);

	strbuf_adds(out, "<details><summary>each tensor</summary>\n<div class=\"scroll\"><table>\n"
		    "<thead><tr><th>Tensor</th><th class=\"num\">Weights</th>");
	for (int i = 0; i < r->nr; i++) {
		strbuf_adds(out, "<th class=\"num\">Sparsity");
		if (r->nr > 1) {
			strbuf_adds(out, "<small>");
			escape_html(out, r->run[i]->name);
			strbuf_adds(out, "</small>");
		}
		strbuf_adds(out, "</th><th class=\"num\">Jaccard with |w|</th>");
	}
	strbuf_adds(out, "</tr></thead>\n<tbody>\n");
	for (size_t k = 0; k < rows->nr_pruned; k++)
		add_row(r, &rows->pruned[k], out);
	strbuf_adds(out, "</tbody></table></div></details>\n");
}

int masks_html(const struct report *r, struct strbuf *out)
{
	int ret = 0;

	if (!masks_any(r))
		return 0;
	strbuf_adds(out, "<h2>Pruning</h2>\n<div class=\"charts\">\n");
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]) && !ret; i++)
		ret = draw_subject(r, &subjects[i], out);
	if (!ret)
		ret = draw_tensors(r, out);
	strbuf_adds(out, "</div>\n<p class=\"dim\">What was dropped before is 0, so that the masks "
		    "of all criteria come to look like that of |w|: what single choices dropped "
		    "tells them apart.</p>\n");
	add_table(r, out);
	return ret;
}

/* ---- Markdown and JSON ------------------------------------------------------------------- */

void masks_markdown(const struct report *r, struct strbuf *out)
{
	if (!masks_any(r))
		return;
	strbuf_adds(out, "## Pruning\n\n| run | masks chosen | sparsity | Jaccard with \\|w\\| | "
		    "of the last choice |\n|---|---:|---:|---:|---:|\n");
	for (int i = 0; i < r->nr; i++) {
		const struct report_run *run = r->run[i];
		const struct report_masks *m;

		if (!run->nr_masks)
			continue;
		m = &run->masks[run->nr_masks - 1];
		strbuf_adds(out, "| ");
		escape_markdown(out, run->name);
		strbuf_addf(out, " | %zu | %.2f %% | %.4f | ", run->nr_masks, 100 * m->sparsity,
			    m->jaccard);
		if (isfinite(m->fresh_jaccard))
			strbuf_addf(out, "%.4f |\n", m->fresh_jaccard);
		else
			strbuf_adds(out, "- |\n");
	}
	strbuf_addc(out, '\n');
}

static void put_masks(const struct report_masks *m, struct strbuf *out)
{
	json_put_separator(out);
	strbuf_addc(out, '{');
	json_put_number(out, "step", m->step);
	json_put_number(out, "tokens", m->tokens);
	json_put_number(out, "sparsity", m->sparsity);
	json_put_number(out, "weights", m->weights);
	json_put_number(out, "changed", m->changed);
	json_put_number(out, "regrown", m->regrown);
	json_put_number(out, "jaccard", m->jaccard);
	json_put_number(out, "fresh_jaccard", m->fresh_jaccard);
	json_put_number(out, "eps_ratio", m->eps_ratio);
	json_put_number(out, "seconds", m->seconds);
	strbuf_addc(out, '}');
}

void masks_json(const struct report_run *run, struct strbuf *out)
{
	json_put_open(out, "prune", '[');
	for (size_t i = 0; i < run->nr_masks; i++)
		put_masks(&run->masks[i], out);
	strbuf_addc(out, ']');
	json_put_open(out, "pruned", '[');
	for (size_t i = 0; i < run->nr_pruned; i++) {
		json_put_separator(out);
		strbuf_addc(out, '{');
		json_put_text(out, "name", run->pruned[i].name);
		json_put_number(out, "weights", run->pruned[i].weights);
		json_put_number(out, "sparsity", run->pruned[i].sparsity);
		json_put_number(out, "jaccard", run->pruned[i].jaccard);
		strbuf_addc(out, '}');
	}
	strbuf_addc(out, ']');
}
