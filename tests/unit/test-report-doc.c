// SPDX-License-Identifier: MIT
/* Documents in both formats, and the figures of experiments. */
#include "report/doc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "report/forest.h"
#include "report/pairs.h"
#include "tests/unit/test.h"

static int count(const char *text, const char *what)
{
	int n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void write_doc(enum doc_kind kind, struct strbuf *out)
{
	struct doc d;

	strbuf_init(out);
	doc_begin(&d, kind, out, "a <title>");
	doc_heading(&d, 2, "Head & shoulders");
	doc_text(&d, "warn", "%s", "beware of `code`");
	doc_text(&d, NULL, "an interval [-1, 2] and a [link](javascript:x)");
	doc_tiles(&d);
	doc_tile(&d, "Gain", "+0.5", "nats");
	doc_tiles_end(&d);
	doc_table(&d, "lrm");
	for (int i = 0; i < 3; i++)
		doc_cell(&d, "head %d", i);
	doc_cell_strong(&d, "long|cell \xc3\xa4");
	doc_number(&d, 3, 1234.5678);
	doc_cell(&d, "A_B");
	doc_cell(&d, "%s", "");
	doc_number(&d, 3, NAN);
	doc_cell(&d, "a`b");
	doc_table_end(&d);
	doc_fold(&d, "more");
	doc_pre(&d, "x < y\n");
	doc_fold_end(&d);
	CHECK(!doc_page(&d) == (kind == DOC_MARKDOWN));
	CHECK(!doc_end(&d, "the end"));
}

/* Characters, not bytes: columns as a terminal shows them. */
static size_t columns(const char *line)
{
	size_t n = 0;

	for (; *line && *line != '\n'; line++)
		n += (*line & 0xc0) != 0x80;
	return n;
}

static void report_markdown(void)
{
	struct strbuf out;
	const char *row;

	write_doc(DOC_MARKDOWN, &out);
	CHECK(strstr(out.s, "## Head \\& shoulders\n\n> **beware of \\`code\\`**\n\n"));
	CHECK(strstr(out.s, "\\[link\\](javascript:x)"));
	row = strstr(out.s, "| head 0");
	CHECK(row != NULL);
	for (int i = 1; i < 4; i++) {
		const char *next = strchr(row, '\n') + 1;

		CHECK(columns(next) == columns(row));
		row = next;
	}
	CHECK(strstr(out.s, "| **long\\|cell \xc3\xa4** | 1.23e+03 | `A_B`  |\n"));
	CHECK(strstr(out.s, "|      - | a\\`b   |\n") || strstr(out.s, "- | a\\`b   |\n"));
	CHECK(strstr(out.s, "--:|") && strstr(out.s, "| Gain | +0.5 | nats |"));
	CHECK(strstr(out.s, "### more\n\n```text\nx < y\n"));
	strbuf_free(&out);
}
TEST_REGISTER(report_markdown);

static void report_page(void)
{
	struct strbuf out;

	write_doc(DOC_HTML, &out);
	CHECK(strstr(out.s, "<title>a &lt;title&gt;</title>"));
	CHECK(strstr(out.s, "<p class=\"warn\">beware of `code`</p>"));
	CHECK(strstr(out.s, "<td class=\"text best\">long|cell \xc3\xa4</td>"
			    "<td class=\"num\">1.23e+03</td><td class=\"mono\">A_B</td></tr>"));
	CHECK(strstr(out.s, "<details><summary>more</summary>\n<pre>x &lt; y\n</pre>\n</details>"));
	CHECK(count(out.s, "<tr>") == 3 && count(out.s, "</tr>") == 3);
	strbuf_free(&out);
}
TEST_REGISTER(report_page);

/* The number behind @key="..." of the element in which @text stands. */
static double place_of(const char *svg, const char *text, const char *key)
{
	const char *at = strstr(svg, text), *found = NULL;

	CHECK(at != NULL);
	for (const char *s = svg; (s = strstr(s, key)) && s < at; s++)
		found = s;
	CHECK(found != NULL);
	return strtod(found + strlen(key), NULL);
}

/* Gains lie on one scale with 0 and delta, and infinite intervals end at the edge. */
static void report_forest(void)
{
	const double points[] = { -1, NAN, 3 };
	const struct forest_row rows[] = {
		{ .label = "one", .note = "n", .value = 1, .low = -1, .high = 3, .points = points,
		  .nr_points = 3 },
		{ .label = "two", .note = "n", .value = 2, .low = -INFINITY, .high = INFINITY,
		  .colour = 9, .strong = true },
		{ .label = "<none>", .note = "", .value = NAN, .low = NAN, .high = NAN },
	};
	const struct forest f = { .title = "gains", .x_title = "nats", .delta = 0.5, .width = 500,
				  .rows = rows, .nr = 3 };
	const struct forest nothing = { .title = "none", .x_title = "", .width = 500,
					.rows = rows + 2, .nr = 1 };
	double one, two, low, high;
	struct strbuf out;

	strbuf_init(&out);
	forest_draw(&f, &out);
	one = place_of(out.s, "<title>one: 1</title>", "cx=\"");
	two = place_of(out.s, "<title>two: 2</title>", "cx=\"");
	low = place_of(out.s, "<title>one: -1</title>", "cx=\"");
	high = place_of(out.s, "<title>one: 3</title>", "cx=\"");
	CHECK(two > one && fabs(high - low - 4 * (two - one)) < 0.5);
	CHECK(fabs(one - low - 2 * (two - one)) < 0.5);
	CHECK(count(out.s, "class=\"delta\"") == 2 && count(out.s, "class=\"zero\"") == 1);
	CHECK(count(out.s, "<circle") == 4 && count(out.s, "class=\"whisker") == 6);
	CHECK(strstr(out.s, "&lt;none&gt;") && !strstr(out.s, "nan") && !strstr(out.s, "inf"));
	strbuf_clear(&out);
	forest_draw(&nothing, &out);
	CHECK(strstr(out.s, "nothing measured yet") && !strstr(out.s, "<circle"));
	strbuf_free(&out);
}
TEST_REGISTER(report_forest);

static void report_pairs(void)
{
	char *label[] = { "seed 1", "seed 2", "seed 3" };
	const double a[] = { 1, 2, 3 }, b[] = { 2, NAN, 1 };
	struct pairs p = { .title = "pairs", .unit = "nats", .side = { "old", "new" },
			   .label = label, .value = { a, b }, .nr = 3, .width = 400,
			   .height = 300 };
	struct strbuf out;
	double at1, at2, at3;

	strbuf_init(&out);
	CHECK(!pairs_draw(&p, &out));
	at1 = place_of(out.s, "<title>old, seed 1: 1</title>", "cy=\"");
	at2 = place_of(out.s, "<title>old, seed 2: 2</title>", "cy=\"");
	at3 = place_of(out.s, "<title>old, seed 3: 3</title>", "cy=\"");
	CHECK(at1 > at2 && fabs(at1 - at2 - (at2 - at3)) < 0.3);
	CHECK(place_of(out.s, "<title>new, seed 1: 2</title>", "cy=\"") == at2);
	CHECK(count(out.s, "class=\"slope\"") == 2 && count(out.s, "<circle") == 5);
	strbuf_clear(&out);
	p.nr = 0;
	CHECK(!pairs_draw(&p, &out) && strstr(out.s, "nothing measured yet"));
	strbuf_free(&out);
}
TEST_REGISTER(report_pairs);
