/* SPDX-License-Identifier: MIT */
/*
 * A document that is written once and comes out as a page or as Markdown: headings,
 * paragraphs, tables, and on a page also figures and what is folded away.  Markdown is made
 * to be read as it stands, too: paragraphs are wrapped, the columns of tables are aligned.
 *
 *	doc_begin(&d, DOC_MARKDOWN, &out, "title");
 *	doc_heading(&d, 2, "Results");
 *	doc_table(&d, "lr");
 *	doc_cell(&d, "seed");
 *	doc_cell(&d, "loss");
 *	...
 *	doc_table_end(&d);
 *	ret = doc_end(&d, "Written by ...");
 */
#ifndef REPORT_DOC_H
#define REPORT_DOC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

enum doc_kind { DOC_HTML, DOC_MARKDOWN };

/** struct doc - one that is being written; set by doc_begin(), and its fields are its own. */
struct doc {
	enum doc_kind kind;
	struct strbuf *out;
	const char *columns;		/* of the open table: l, r, m */
	struct strbuf *cells;
	bool *strong;
	size_t nr_cells, cap;
	int failed;
};

/** doc_begin() - begin a document called @title; @out must outlive it. */
void doc_begin(struct doc *d, enum doc_kind kind, struct strbuf *out, const char *title);

/** doc_end() - end it with a line in small print. Return: 0 or -ENOMEM. */
int doc_end(struct doc *d, const char *footer);

/** doc_heading() - of level 1 to 3. */
void doc_heading(struct doc *d, int level, const char *text);

/**
 * doc_text() - a paragraph.
 * @class: of a page: "verdict", "hypothesis", "dim"; "warn" is marked in Markdown, too; or NULL
 */
void doc_text(struct doc *d, const char *class, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** doc_pre() - lines as they are. */
void doc_pre(struct doc *d, const char *text);

/**
 * doc_table() - begin a table; its first row is its head.
 * @columns: a letter for each: l left, r right (numbers), m left, as code
 */
void doc_table(struct doc *d, const char *columns);
void doc_cell(struct doc *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** doc_cell_strong() - one that stands out. */
void doc_cell_strong(struct doc *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** doc_number() - @v with so many digits; "-" if it is not finite. */
void doc_number(struct doc *d, int digits, double v);
void doc_table_end(struct doc *d);

/** doc_fold() / doc_fold_end() - fold away what is between; in Markdown it stays in view. */
void doc_fold(struct doc *d, const char *summary);
void doc_fold_end(struct doc *d);

/** doc_tile() - a figure that is read first; between doc_tiles() and doc_tiles_end(). */
void doc_tiles(struct doc *d);
void doc_tile(struct doc *d, const char *label, const char *value, const char *unit);
void doc_tiles_end(struct doc *d);

/** doc_page() - where figures go: the page, or NULL in Markdown. */
struct strbuf *doc_page(struct doc *d);

#endif
