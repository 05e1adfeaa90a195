/* SPDX-License-Identifier: MIT */
/*
 * Text from files, harmless inside a document.  Bytes that are no UTF-8, and control
 * characters but line ends and tabs, become U+FFFD.
 */
#ifndef REPORT_ESCAPE_H
#define REPORT_ESCAPE_H

#include "base/strbuf.h"

/** escape_html() - append @text for HTML, XML and SVG, also inside quoted attributes. */
void escape_html(struct strbuf *sb, const char *text);

/** escape_markdown() - append @text for a cell of a Markdown table. */
void escape_markdown(struct strbuf *sb, const char *text);

/** escape_block() - append @text as a fenced code block of Markdown, whatever it holds. */
void escape_block(struct strbuf *sb, const char *text);

#endif
