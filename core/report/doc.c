// SPDX-License-Identifier: MIT
#include "report/doc.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "report/escape.h"
#include "report/html-style.h"

#define TILE 11		/* letters of a value that fit into one */
#define WRAP 100	/* columns of paragraphs in Markdown */

static bool is_page(const struct doc *d)
{
	return d->kind == DOC_HTML;
}

struct strbuf *doc_page(struct doc *d)
{
	return is_page(d) ? d->out : NULL;
}

void doc_begin(struct doc *d, enum doc_kind kind, struct strbuf *out, const char *title)
{
	*d = (struct doc){ .kind = kind, .out = out };
	if (!is_page(d))
		return;
	strbuf_adds(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
		    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
		    "<title>");
	escape_html(out, title);
	strbuf_addf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", html_style);
}

static void free_cells(struct doc *d)
{
	for (size_t i = 0; i < d->nr_cells; i++)
		strbuf_free(&d->cells[i]);
	free(d->cells);
	free(d->strong);
	d->cells = NULL;
	d->strong = NULL;
	d->nr_cells = d->cap = 0;
}

int doc_end(struct doc *d, const char *footer)
{
	if (is_page(d)) {
		strbuf_adds(d->out, "<footer>");
		escape_html(d->out, footer);
		strbuf_adds(d->out, "</footer>\n</body>\n</html>\n");
	} else {
		doc_text(d, NULL, "%s", footer);
	}
	free_cells(d);
	return d->failed ? d->failed : strbuf_ok(d->out);
}

void doc_heading(struct doc *d, int level, const char *text)
{
	if (is_page(d)) {
		strbuf_addf(d->out, "<h%d>", level);
		escape_html(d->out, text);
		strbuf_addf(d->out, "</h%d>\n", level);
	} else {
		strbuf_addf(d->out, "%.*s ", level, "###");
		escape_markdown(d->out, text);
		strbuf_adds(d->out, "\n\n");
	}
}

/* ---- paragraphs ---- */

/* Characters of @text, of which each takes one column. */
static int columns_of(const char *text, size_t len)
{
	int n = 0;

	for (size_t i = 0; i < len; i++)
		n += (text[i] & 0xc0) != 0x80;
	return n;
}

/* In lines of WRAP columns, each behind @prefix. */
static void wrap(struct strbuf *out, const char *text, const char *prefix)
{
	int column = 0;

	strbuf_adds(out, prefix);
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t len = strcspn(text, " ");
		int width = columns_of(text, len);

		if (column && column + 1 + width > WRAP) {
			strbuf_addf(out, "\n%s", prefix);
			column = 0;
		}
		strbuf_addf(out, "%s%.*s", column ? " " : "", (int)len, text);
		column += width + (column > 0);
		text += len;
	}
	strbuf_adds(out, "\n\n");
}

static void add_paragraph(struct doc *d, const char *class, const char *text)
{
	bool warn = class && !strcmp(class, "warn");
	struct strbuf clean;

	if (is_page(d)) {
		strbuf_addf(d->out, class ? "<p class=\"%s\">" : "<p>", class);
		escape_html(d->out, text);
		strbuf_adds(d->out, "</p>\n");
		return;
	}
	strbuf_init(&clean);
	strbuf_adds(&clean, warn ? "**" : "");
	escape_markdown(&clean, text);
	strbuf_adds(&clean, warn ? "**" : "");
	wrap(d->out, clean.s, warn ? "> " : "");
	d->out->failed |= clean.failed;
	strbuf_free(&clean);
}

void doc_text(struct doc *d, const char *class, const char *fmt, ...)
{
	struct strbuf text;
	va_list ap;

	strbuf_init(&text);
	va_start(ap, fmt);
	strbuf_vaddf(&text, fmt, ap);
	va_end(ap);
	add_paragraph(d, class, text.s);
	d->out->failed |= text.failed;
	strbuf_free(&text);
}

void doc_pre(struct doc *d, const char *text)
{
	if (!is_page(d)) {
		escape_block(d->out, text);
		strbuf_addc(d->out, '\n');
		return;
	}
	strbuf_adds(d->out, "<pre>");
	escape_html(d->out, text);
	strbuf_adds(d->out, "</pre>\n");
}

/* ---- tables ---- */

void doc_table(struct doc *d, const char *columns)
{
	free_cells(d);
	d->columns = columns;
}

static struct strbuf *new_cell(struct doc *d, bool strong)
{
	if (d->nr_cells == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 64;
		struct strbuf *cells = realloc(d->cells, cap * sizeof(*cells));
		bool *flags;

		if (cells)
			d->cells = cells;
		flags = realloc(d->strong, cap * sizeof(*flags));
		if (flags)
			d->strong = flags;
		if (!cells || !flags) {
			d->failed = fail_nomem(cap * sizeof(*cells), "a table");
			return NULL;
		}
		d->cap = cap;
	}
	d->strong[d->nr_cells] = strong;
	strbuf_init(&d->cells[d->nr_cells]);
	return &d->cells[d->nr_cells++];
}

static void add_cell(struct doc *d, bool strong, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));
static void add_cell(struct doc *d, bool strong, const char *fmt, va_list ap)
{
	struct strbuf *cell = new_cell(d, strong);

	if (cell)
		strbuf_vaddf(cell, fmt, ap);
}

void doc_cell(struct doc *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_cell(d, false, fmt, ap);
	va_end(ap);
}

void doc_cell_strong(struct doc *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_cell(d, true, fmt, ap);
	va_end(ap);
}

void doc_number(struct doc *d, int digits, double v)
{
	if (isfinite(v))
		doc_cell(d, "%.*g", digits, v);
	else
		doc_cell(d, "-");
}

static void put_html_table(struct doc *d, size_t columns)
{
	struct strbuf *out = d->out;

	strbuf_adds(out, "<div class=\"scroll\"><table>\n<thead>");
	for (size_t i = 0; i < d->nr_cells; i++) {
		char kind = d->columns[i % columns];
		const char *tag = i < columns ? "th" : "td";

		if (i == columns)
			strbuf_adds(out, "</thead>\n<tbody>");
		strbuf_adds(out, i % columns ? "" : "<tr>");
		strbuf_addf(out, "<%s class=\"%s%s\">", tag, kind == 'r' ? "num" :
			    kind == 'm' && i >= columns ? "mono" : "text",
			    d->strong[i] ? " best" : "");
		escape_html(out, d->cells[i].s);
		strbuf_addf(out, "</%s>%s", tag, i % columns == columns - 1 ? "</tr>\n" : "");
	}
	strbuf_adds(out, d->nr_cells > columns ? "</tbody></table></div>\n" :
						 "</thead></table></div>\n");
}

/* What stands in a cell of Markdown. */
static void mark_cell(const struct doc *d, size_t i, size_t columns, struct strbuf *text)
{
	bool code = d->columns[i % columns] == 'm' && i >= columns;
	const char *s = d->cells[i].s;

	if (code && *s && !strpbrk(s, "`|\n")) {
		strbuf_addf(text, "`%s`", s);
		return;
	}
	strbuf_adds(text, d->strong[i] && *s ? "**" : "");
	escape_markdown(text, s);
	strbuf_adds(text, d->strong[i] && *s ? "**" : "");
}

static void put_padded(struct strbuf *out, const char *text, int width, bool right)
{
	int room = width - columns_of(text, strlen(text));

	strbuf_addf(out, " %*s%s%*s |", right ? room : 0, "", text, right ? 0 : room, "");
}

static void put_rule(struct strbuf *out, int width, bool right)
{
	strbuf_addc(out, '-');
	for (int i = 0; i < width; i++)
		strbuf_addc(out, '-');
	strbuf_adds(out, right ? ":|" : "-|");
}

static void put_markdown_table(struct doc *d, size_t columns)
{
	struct strbuf *text = calloc(d->nr_cells + 1, sizeof(*text));
	int *width = calloc(columns + 1, sizeof(*width));

	if (!text || !width) {
		d->failed = fail_nomem(d->nr_cells * sizeof(*text), "a table");
		goto out_arrays;
	}
	for (size_t i = 0; i < d->nr_cells; i++) {
		int n;

		strbuf_init(&text[i]);
		mark_cell(d, i, columns, &text[i]);
		n = columns_of(text[i].s, text[i].len);
		if (n > width[i % columns])
			width[i % columns] = n;
	}
	for (size_t i = 0; i < d->nr_cells; i++) {
		size_t c = i % columns;

		strbuf_adds(d->out, c ? "" : "|");
		put_padded(d->out, text[i].s, width[c], d->columns[c] == 'r');
		strbuf_adds(d->out, c == columns - 1 ? "\n" : "");
		for (size_t k = 0; k < columns && i == columns - 1; k++) {
			strbuf_adds(d->out, k ? "" : "|");
			put_rule(d->out, width[k], d->columns[k] == 'r');
			strbuf_adds(d->out, k == columns - 1 ? "\n" : "");
		}
		d->out->failed |= text[i].failed;
		strbuf_free(&text[i]);
	}
	strbuf_addc(d->out, '\n');
out_arrays:
	free(width);
	free(text);
}

void doc_table_end(struct doc *d)
{
	size_t columns = strlen(d->columns);

	BUG_ON(!d->failed && d->nr_cells % columns);
	for (size_t i = 0; i < d->nr_cells; i++)
		d->out->failed |= d->cells[i].failed;
	if (!d->failed && is_page(d))
		put_html_table(d, columns);
	else if (!d->failed)
		put_markdown_table(d, columns);
	free_cells(d);
}

/* ---- what only a page has ---- */

void doc_fold(struct doc *d, const char *summary)
{
	if (!is_page(d)) {
		doc_heading(d, 3, summary);
		return;
	}
	strbuf_adds(d->out, "<details><summary>");
	escape_html(d->out, summary);
	strbuf_adds(d->out, "</summary>\n");
}

void doc_fold_end(struct doc *d)
{
	if (is_page(d))
		strbuf_adds(d->out, "</details>\n");
}

static void begin_tile_table(struct doc *d)
{
	doc_table(d, "lrl");
	for (int i = 0; i < 3; i++)
		doc_cell(d, "%s", "");
}

void doc_tiles(struct doc *d)
{
	if (is_page(d))
		strbuf_adds(d->out, "<div class=\"tiles\">\n");
	else
		begin_tile_table(d);
}

void doc_tile(struct doc *d, const char *label, const char *value, const char *unit)
{
	if (!is_page(d)) {
		doc_cell(d, "%s", label);
		doc_cell(d, "%s", value);
		doc_cell(d, "%s", unit);
		return;
	}
	strbuf_addf(d->out, "<div class=\"tile%s\"><span>",
		    columns_of(value, strlen(value)) > TILE ? " long" : "");
	escape_html(d->out, label);
	strbuf_adds(d->out, "</span><b>");
	escape_html(d->out, value);
	strbuf_adds(d->out, "</b><small>");
	escape_html(d->out, unit);
	strbuf_adds(d->out, "</small></div>\n");
}

void doc_tiles_end(struct doc *d)
{
	if (is_page(d))
		strbuf_adds(d->out, "</div>\n");
	else
		doc_table_end(d);
}
