// SPDX-License-Identifier: MIT
/*
 * A FIM file as a page: tables, and heatmaps of layers, tensors and heads.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/format.h"
#include "fim/summary.h"
#include "report/doc.h"
#include "report/heatmap.h"

#define ROWS 32		/* cells of a tensor at most */
#define COLUMNS 64
#define WIDTH 510	/* pixels of a heatmap; wide ones take two columns of the page */
#define WIDE 1040
#define KINDS_MOST 256		/* rows of the map of layers */
#define MAP_MOST (1 << 20)	/* cells of a map that is not pooled: no model has as many */

/* ---- head and tables ------------------------------------------------------------------ */

static void add_tiles(struct doc *d, const struct fim *f, const struct fim_summary *s)
{
	const struct fim_facts *facts = &f->facts;
	char text[64], number[FORMAT_MAX];

	doc_tiles(d);
	doc_tile(d, "Unit", facts->unit, "");
	doc_tile(d, "Labels", facts->labels, "");
	doc_tile(d, "Sample", format_count(number, (double)facts->tokens), "tokens");
	format_count(number, (double)facts->squares);
	if (fim_is_attention(f))
		doc_tile(d, "Rows", number, "that a head's figures are means of");
	else
		doc_tile(d, "Squares", number, "that an element is the mean of");
	if (s->count) {
		snprintf(text, sizeof(text), "%.5g", s->sum);
		doc_tile(d, "Sum", text, FIM_SCALE);
		doc_tile(d, "Elements", format_count(number, (double)s->count), "");
	}
	doc_tiles_end(d);
}

static void add_fact(struct doc *d, const char *what, const char *text)
{
	doc_cell(d, "%s", what);
	doc_cell(d, "%s", text);
}

static void add_count(struct doc *d, const char *what, int64_t count)
{
	char number[FORMAT_MAX];

	add_fact(d, what, format_grouped(number, count));
}

/* Of which weights, which text, and how: what makes it comparable. */
static void add_facts(struct doc *d, const struct fim *f)
{
	const struct fim_facts *x = &f->facts;
	bool halves = false;

	for (int i = 0; i < f->nr; i++)
		halves |= f->item[i].part[FIM_HALF] != NULL;
	doc_heading(d, 2, "How it was made");
	doc_table(d, "lm");
	add_fact(d, "what", "value");
	add_fact(d, "checksum of the weights", x->model);
	add_fact(d, "hash of the data", *x->data ? x->data : "not known");
	add_fact(d, "samples", *x->samples ? x->samples : "not known");
	if (x->step)
		add_count(d, "step of the checkpoint", x->step);
	add_count(d, x->step ? "sequences, as many weigh as much" : "sequences", x->sequences);
	add_count(d, "tokens of a sequence", x->context);
	if (x->positions)
		add_count(d, "positions of each sequence", x->positions);
	add_count(d, "draws of labels", x->draws);
	add_count(d, "sequences in a batch", x->batch);
	add_count(d, "seed", x->seed);
	add_fact(d, "halves of the sample", halves ? "yes" : "no");
	doc_table_end(d);
}

static void add_number(struct doc *d, const char *format, double x)
{
	char text[32];

	snprintf(text, sizeof(text), format, x);
	doc_cell(d, "%s", isnan(x) ? "-" : text);
}

#define COLUMNS_OF_ALL 4	/* what is known of a layer, too */
#define COLUMNS_OF_TENSORS 6

static void add_row(struct doc *d, const struct fim_figure *t, const char *name, int columns)
{
	char count[FORMAT_MAX];

	doc_cell(d, "%s", name);
	doc_cell(d, "%s", format_count(count, (double)t->count));
	add_number(d, "%.4g", t->sum);
	add_number(d, "%.3g", t->mean);
	add_number(d, "%.2f %%", 100 * t->share);
	if (columns == COLUMNS_OF_ALL)
		return;
	add_number(d, "%.3g", t->peak);
	add_number(d, "%.1f %%", 100 * t->zeros);
}

static void open_table(struct doc *d, const char *what, int columns)
{
	static const char *const heads[] = { "elements", "sum", "mean", "share", "peak / mean",
					     "zeros" };

	doc_table(d, columns == COLUMNS_OF_ALL ? "lrrrr" : "lrrrrrr");
	doc_cell(d, "%s", what);
	for (int i = 0; i < columns; i++)
		doc_cell(d, "%s", heads[i]);
}

static void add_layer_table(struct doc *d, const struct fim_summary *s)
{
	struct fim_figure all = { .count = s->count, .sum = s->sum, .share = 1,
				  .mean = s->sum / (double)s->count };
	char name[32];

	doc_heading(d, 2, "Layers");
	open_table(d, "layer", COLUMNS_OF_ALL);
	for (int i = 0; i < s->nr_layers; i++) {
		snprintf(name, sizeof(name), "%d", s->layer[i].layer);
		add_row(d, &s->layer[i], s->layer[i].layer < 0 ? "outside" : name, COLUMNS_OF_ALL);
	}
	add_row(d, &all, "all", COLUMNS_OF_ALL);
	doc_table_end(d);
}

static void add_tensor_table(struct doc *d, const struct fim_summary *s)
{
	doc_heading(d, 2, "Tensors");
	open_table(d, "tensor", COLUMNS_OF_TENSORS);
	for (int i = 0; i < s->nr; i++)
		add_row(d, &s->tensor[i], s->tensor[i].name, COLUMNS_OF_TENSORS);
	doc_table_end(d);
}

/* ---- layers by kinds --------------------------------------------------------------------- */

static int find_kind(const char **kinds, int nr, const char *kind)
{
	int i = 0;

	while (i < nr && strcmp(kinds[i], kind))
		i++;
	return i;
}

static int count_kinds(const struct fim_summary *s)
{
	const char *kinds[KINDS_MOST];
	int nr = 0;

	for (int i = 0; i < s->nr; i++)
		if (s->tensor[i].layer >= 0 && find_kind(kinds, nr, s->tensor[i].kind) == nr) {
			if (nr == KINDS_MOST)
				return nr + 1;
			kinds[nr++] = s->tensor[i].kind;
		}
	return nr;
}

static int refuse_map(struct strbuf *out, const char *what)
{
	strbuf_addf(out, "<p class=\"dim\">There are too many %s for a map.</p>\n", what);
	return strbuf_ok(out);
}

/* The mean of each tensor: a row for each kind, a column for each layer. */
static int add_layer_map(struct strbuf *out, const struct fim_summary *s)
{
	int layers = s->nr_layers && s->layer[s->nr_layers - 1].layer < 0 ? s->nr_layers - 1
									  : s->nr_layers;
	const char **kinds;
	double *value;
	int nr = 0, ret;

	if ((int64_t)s->nr * layers > MAP_MOST)
		return refuse_map(out, "layers");
	if (count_kinds(s) > KINDS_MOST)
		return refuse_map(out, "kinds of tensors");
	kinds = calloc(s->nr + 1, sizeof(*kinds));
	value = calloc((size_t)(s->nr + 1) * (layers + 1), sizeof(*value));
	ret = kinds && value ? 0 : fail_nomem(0, "a heatmap");
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
		while (s->layer[column].layer != t->layer)	/* MAP_MOST in all, at most */
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
		ret = add_part(out, item, FIM_DIAGONAL, n, m, "rows", "columns");
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

static int add_tensor_maps(struct doc *d, const struct fim *f)
{
	struct strbuf *out = doc_page(d);
	int ret = 0;

	doc_heading(d, 2, "Inside the tensors");
	doc_text(d, "dim", "Means over blocks of elements, %sthe darker the larger, each on a "
		 "logarithmic scale of its own, down to a millionth of the largest.",
		 strcmp(fim_kind(&f->facts), "kfac") ? "" : "without their signs, ");
	strbuf_adds(out, "<div class=\"charts\">\n");
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
	const char **names;
	int64_t most = 0;
	double *value;
	int ret;

	for (int i = 0; i < f->nr; i++)
		most = f->item[i].n[0] > most ? f->item[i].n[0] : most;
	if (most > MAP_MOST / f->nr)
		return refuse_map(out, "heads");
	h.columns = (int)most;
	names = calloc(f->nr, sizeof(*names));
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

static void head_cells(struct doc *d, const struct fim_item *item, int head)
{
	for (int p = FIM_TRACE; p <= FIM_ENTROPY; p++)
		add_number(d, "%.4g", head < 0 ? fim_head_mean(item, p) : fim_value(item, p, head));
}

/* @each: a row for each head, or for each layer, with means over its heads */
static void add_heads_table(struct doc *d, const struct fim *f, bool each)
{
	doc_table(d, "lrrrrr");
	doc_cell(d, "layer");
	doc_cell(d, each ? "head" : "heads");
	doc_cell(d, "trace");
	doc_cell(d, "largest eigenvalue");
	doc_cell(d, "effective rank");
	doc_cell(d, "entropy, nats");
	for (int i = 0; i < f->nr; i++)
		for (int h = each ? 0 : -1; h < (each ? f->item[i].n[0] : 0); h++) {
			doc_cell(d, "%s", f->item[i].name);
			doc_cell(d, "%lld", each ? h : (long long)f->item[i].n[0]);
			head_cells(d, &f->item[i], h);
		}
	doc_table_end(d);
}

static int add_heads(struct doc *d, const struct fim *f)
{
	struct strbuf *out = doc_page(d);
	int ret;

	doc_heading(d, 2, "Heads");
	doc_text(d, "dim", "Rows of attention as distributions. A large trace says that a head "
		 "looks everywhere, not that it matters.");
	strbuf_adds(out, "<div class=\"charts\">\n");
	ret = add_heads_map(out, f, FIM_TRACE, "Trace", "");
	if (!ret)
		ret = add_heads_map(out, f, FIM_LARGEST, "Largest eigenvalue", "");
	if (!ret)
		ret = add_heads_map(out, f, FIM_RANK, "Effective rank", "");
	if (!ret)
		ret = add_heads_map(out, f, FIM_ENTROPY, "Entropy", "nats");
	strbuf_adds(out, "</div>\n");
	add_heads_table(d, f, true);
	doc_heading(d, 2, "Layers");
	doc_text(d, "dim", "Means over the heads.");
	add_heads_table(d, f, false);
	return ret;
}

static int add_all(struct doc *d, const struct fim *f, const struct fim_summary *s)
{
	int ret;

	doc_heading(d, 1, "Fisher information");
	doc_text(d, "verdict", "%s", f->path);
	add_tiles(d, f, s);
	if (s->nr) {
		add_layer_table(d, s);
		ret = add_layer_map(doc_page(d), s);
		add_tensor_table(d, s);
		if (!ret)
			ret = add_tensor_maps(d, f);
	} else {
		ret = add_heads(d, f);
	}
	add_facts(d, f);
	return ret;
}

int fim_html(const struct fim *f, struct strbuf *out)
{
	struct fim_summary s;
	struct doc d;
	int ret = fim_summarize(f, &s), end;

	if (!ret) {
		doc_begin(&d, DOC_HTML, out, "Fisher information");
		ret = add_all(&d, f, &s);
		end = doc_end(&d, fim_is_attention(f) ? "made by knlp"
						      : FIM_SCALE "; made by knlp");
		ret = ret ? ret : end;
	}
	fim_summary_free(&s);
	return ret;
}
