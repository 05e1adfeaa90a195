// SPDX-License-Identifier: MIT
/*
 * A FIM file as a page: tables, and heatmaps of layers, tensors and heads.  One file without
 * scripts, that fetches nothing.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/format.h"
#include "fim/summary.h"
#include "report/escape.h"
#include "report/heatmap.h"
#include "report/html-style.h"

#define ROWS 32		/* cells of a tensor at most */
#define COLUMNS 64
#define WIDTH 510	/* pixels of a heatmap; wide ones take two columns of the page */
#define WIDE 1040

/* ---- head -------------------------------------------------------------------------------- */

static void add_tile(struct strbuf *out, const char *label, const char *value, const char *unit)
{
	strbuf_addf(out, "<div class=\"tile\"><span>%s</span><b>", label);
	escape_html(out, value);
	strbuf_addf(out, "</b><small>%s</small></div>\n", unit);
}

static void add_tiles(struct strbuf *out, const struct fim *f, const struct fim_summary *s)
{
	const struct fim_facts *facts = &f->facts;
	char text[64], number[FORMAT_MAX];

	strbuf_adds(out, "<div class=\"tiles\">\n");
	add_tile(out, "Unit", facts->unit, "");
	add_tile(out, "Labels", facts->labels, "");
	add_tile(out, "Sample", format_count(number, (double)facts->tokens), "tokens");
	add_tile(out, "Squares", format_count(number, (double)facts->squares),
		 "that an element is the mean of");
	if (s->count) {
		snprintf(text, sizeof(text), "%.5g", s->sum);
		add_tile(out, "Sum", text, FIM_SCALE);
		add_tile(out, "Elements", format_count(number, (double)s->count), "");
	}
	strbuf_adds(out, "</div>\n");
}

static void add_head(struct strbuf *out, const struct fim *f, const struct fim_summary *s)
{
	strbuf_adds(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
		    "<meta name=\"viewport\" content=\"width=device-width\"/><title>"
		    "Fisher information</title>\n<style>\n");
	strbuf_adds(out, html_style);
	strbuf_adds(out, heatmap_style);
	strbuf_adds(out, "</style></head><body>\n<h1>Fisher information</h1>\n"
		    "<p class=\"verdict\">");
	escape_html(out, f->path);
	strbuf_adds(out, "</p>\n");
	add_tiles(out, f, s);
}

/* ---- tables ------------------------------------------------------------------------------ */

static void add_number(struct strbuf *out, double x, const char *format)
{
	char text[32];

	snprintf(text, sizeof(text), format, x);
	strbuf_addf(out, "<td class=\"num\">%s</td>", isnan(x) ? "" : text);
}

static void add_row(struct strbuf *out, const struct fim_figure *t, const char *name)
{
	char count[FORMAT_MAX];

	strbuf_adds(out, "<tr><td>");
	escape_html(out, name);
	strbuf_addf(out, "</td><td class=\"num\">%s</td>",
		    format_count(count, (double)t->count));
	add_number(out, t->sum, "%.4g");
	add_number(out, t->mean, "%.3g");
	add_number(out, 100 * t->share, "%.2f");
	add_number(out, t->peak, "%.3g");
	add_number(out, 100 * t->zeros, "%.1f");
	strbuf_adds(out, "</tr>\n");
}

static void open_table(struct strbuf *out, const char *what)
{
	strbuf_addf(out, "<div class=\"scroll\"><table><thead><tr><th>%s</th>"
		    "<th class=\"num\">Elements</th><th class=\"num\">Sum</th>"
		    "<th class=\"num\">Mean</th><th class=\"num\">Share<small>%%</small></th>"
		    "<th class=\"num\">Peak<small>over mean</small></th>"
		    "<th class=\"num\">Zeros<small>%%</small></th></tr></thead>\n<tbody>\n", what);
}

static void add_tables(struct strbuf *out, const struct fim_summary *s)
{
	char name[32];

	strbuf_adds(out, "<h2>Layers</h2>\n");
	open_table(out, "Layer");
	for (int i = 0; i < s->nr_layers; i++) {
		snprintf(name, sizeof(name), "%d", s->layer[i].layer);
		add_row(out, &s->layer[i], s->layer[i].layer < 0 ? "outside" : name);
	}
	strbuf_adds(out, "</tbody></table></div>\n");
}

static void add_tensor_table(struct strbuf *out, const struct fim_summary *s)
{
	strbuf_adds(out, "<h2>Tensors</h2>\n");
	open_table(out, "Tensor");
	for (int i = 0; i < s->nr; i++)
		add_row(out, &s->tensor[i], s->tensor[i].name);
	strbuf_adds(out, "</tbody></table></div>\n");
}

/* ---- layers by kinds --------------------------------------------------------------------- */

static int find_kind(const char **kinds, int nr, const char *kind)
{
	int i = 0;

	while (i < nr && strcmp(kinds[i], kind))
		i++;
	return i;
}

/* The mean of each tensor: a row for each kind, a column for each layer. */
static int add_layer_map(struct strbuf *out, const struct fim_summary *s)
{
	int layers = s->nr_layers && s->layer[s->nr_layers - 1].layer < 0 ? s->nr_layers - 1
									  : s->nr_layers;
	const char **kinds = calloc(s->nr + 1, sizeof(*kinds));
	double *value = calloc((size_t)(s->nr + 1) * (layers + 1), sizeof(*value));
	int nr = 0, ret = kinds && value ? 0 : fail_nomem(0, "a heatmap");

	for (int i = 0; i < s->nr * layers && !ret; i++)
		value[i] = NAN;
	for (int i = 0; i < s->nr && !ret; i++) {
		const struct fim_figure *t = &s->tensor[i];
		int kind, column = 0;

		if (t->layer < 0)
			continue;
		kind = find_kind(kinds, nr, t->kind);
		kinds[kind] = t->kind;
		nr += kind == nr;
		while (s->layer[column].layer != t->layer)
			column++;
		value[kind * layers + column] = t->mean;
	}
	if (!ret && nr && layers) {
		struct heatmap h = {
			.title = "Mean of each tensor", .x_title = "layer", .y_title = "",
			.unit = FIM_SCALE, .rows = nr, .columns = layers, .value = value,
			.row_name = kinds, .row_end = nr,
			.column_end = s->layer[layers - 1].layer + 1, .width = WIDE,
		};

		strbuf_adds(out, "<div class=\"charts\"><div class=\"wide\">\n");
		ret = heatmap_draw(&h, out);
		strbuf_adds(out, "</div></div>\n");
	}
	free(kinds);
	free(value);
	return ret;
}

/* ---- tensors ----------------------------------------------------------------------------- */

static int least(int64_t a, int b)
{
	return a < b ? (int)a : b;
}

static int add_map(struct strbuf *out, const char *title, const float *x, int64_t n, int64_t m,
		   const char *y_title, const char *x_title)
{
	struct heatmap h = {
		.title = title, .x_title = x_title, .y_title = y_title, .unit = "",
		.rows = least(n, ROWS), .columns = least(m, COLUMNS), .row_end = n,
		.column_end = m, .width = WIDTH,
	};
	double *value = calloc((size_t)h.rows * h.columns, sizeof(*value));
	int ret = value ? 0 : fail_nomem(0, "a heatmap");

	h.value = value;
	if (!ret) {
		heatmap_pool(x, n, m, h.rows, h.columns, value);
		strbuf_adds(out, "<div>");
		ret = heatmap_draw(&h, out);
		strbuf_adds(out, "</div>\n");
	}
	free(value);
	return ret;
}

/* One part of a tensor, as a matrix of (n, m). */
static int add_part(struct strbuf *out, const struct fim_item *item, enum fim_part part, int64_t n,
		    int64_t m, const char *y_title, const char *x_title)
{
	int64_t count = fim_count(item, part);
	float *x = malloc(count * sizeof(*x));
	char title[320];
	int ret = x ? 0 : fail_nomem(count * sizeof(*x), item->name);

	snprintf(title, sizeof(title), "%s%s", item->name, fim_suffix(part));
	for (int64_t i = 0; i < count && !ret; i++)
		x[i] = fim_value(item, part, i);
	if (!ret)
		ret = add_map(out, title, x, n, m, y_title, x_title);
	free(x);
	return ret;
}

static int add_tensor(struct strbuf *out, const struct fim_item *item)
{
	int64_t n = item->n[0], m = item->n[1];
	int ret = 0;

	if (item->part[FIM_DIAGONAL] && item->nd == 2)
		ret = add_part(out, item, FIM_DIAGONAL, n, m, "rows down", "columns");
	else if (item->part[FIM_DIAGONAL])
		ret = add_part(out, item, FIM_DIAGONAL, 1, n, "", "elements");
	else if (item->part[FIM_ROW])
		ret = add_part(out, item, FIM_ROW, 1, n, "", "rows");
	if (!ret && item->part[FIM_COLUMN] && !item->part[FIM_DIAGONAL])
		ret = add_part(out, item, FIM_COLUMN, 1, m, "", "columns");
	if (!ret && item->part[FIM_FACTOR_A])
		ret = add_part(out, item, FIM_FACTOR_A, m, m, "inputs", "inputs");
	if (!ret && item->part[FIM_FACTOR_G])
		ret = add_part(out, item, FIM_FACTOR_G, n, n, "outputs", "outputs");
	return ret;
}

static int add_tensor_maps(struct strbuf *out, const struct fim *f)
{
	int ret = 0;

	strbuf_adds(out, "<h2>Inside the tensors</h2>\n<p class=\"dim\">Means over blocks of "
		    "elements, the darker the larger, each on a logarithmic scale of its own."
		    "</p>\n<div class=\"charts\">\n");
	for (int i = 0; i < f->nr && !ret; i++)
		ret = add_tensor(out, &f->item[i]);
	strbuf_adds(out, "</div>\n");
	return ret;
}

/* ---- heads ------------------------------------------------------------------------------- */

static int add_heads_map(struct strbuf *out, const struct fim *f, enum fim_part part,
			 const char *title, const char *unit)
{
	struct heatmap h = { .title = title, .x_title = "head", .y_title = "", .unit = unit,
			     .rows = f->nr, .row_end = f->nr, .width = WIDTH };
	const char **names = calloc(f->nr, sizeof(*names));
	double *value;
	int ret;

	for (int i = 0; i < f->nr; i++)
		h.columns = f->item[i].n[0] > h.columns ? (int)f->item[i].n[0] : h.columns;
	value = calloc((size_t)f->nr * h.columns, sizeof(*value));
	ret = names && value ? 0 : fail_nomem(0, "a heatmap");
	for (int i = 0; i < f->nr && !ret; i++) {
		names[i] = f->item[i].name;
		for (int k = 0; k < h.columns; k++)
			value[i * h.columns + k] = k < f->item[i].n[0]
						 ? fim_value(&f->item[i], part, k) : NAN;
	}
	h.value = value;
	h.row_name = names;
	h.column_end = h.columns;
	if (!ret) {
		strbuf_adds(out, "<div>");
		ret = heatmap_draw(&h, out);
		strbuf_adds(out, "</div>\n");
	}
	free(names);
	free(value);
	return ret;
}

static int add_heads(struct strbuf *out, const struct fim *f)
{
	int ret;

	strbuf_adds(out, "<h2>Heads</h2>\n<p class=\"dim\">Rows of attention as distributions. "
		    "A large trace says that a head looks everywhere, not that it matters.</p>\n"
		    "<div class=\"charts\">\n");
	ret = add_heads_map(out, f, FIM_TRACE, "Trace", "");
	if (!ret)
		ret = add_heads_map(out, f, FIM_LARGEST, "Largest eigenvalue", "");
	if (!ret)
		ret = add_heads_map(out, f, FIM_RANK, "Effective rank", "");
	if (!ret)
		ret = add_heads_map(out, f, FIM_ENTROPY, "Entropy", "nats");
	strbuf_adds(out, "</div>\n");
	return ret;
}

int fim_html(const struct fim *f, struct strbuf *out)
{
	struct fim_summary s;
	int ret = fim_summarize(f, &s);

	if (!ret) {
		add_head(out, f, &s);
		if (!s.nr) {
			ret = add_heads(out, f);
		} else {
			add_tables(out, &s);
			ret = add_layer_map(out, &s);
			add_tensor_table(out, &s);
		}
	}
	if (!ret && s.nr)
		ret = add_tensor_maps(out, f);
	strbuf_adds(out, "<footer>" FIM_SCALE "; made by knlp</footer>\n</body></html>\n");
	fim_summary_free(&s);
	return ret ? ret : strbuf_ok(out);
}
